"""HTML pages that need nothing else: one file with its style, tables and drawings, readable on light and on dark."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart with any kind of colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Stand-ins that become the page's own ink.
INK, FAINT = "#010203", "#040506"

_STYLE = """
:root { color-scheme: light dark; --faint: #8a8f98; --line: #d9dce1; --good: #00724f; --bad: #b3400a; --wash: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --line: #3a3f47; --good: #4cc9a0; --bad: #ff9a5c; --wash: #1d2025; } }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; max-width: 1120px; margin: 2rem auto;
  padding: 0 1.2rem; }
@media (prefers-color-scheme: dark) { body { background: #14161a; color: #e4e6ea; } }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } p { margin: .3rem 0; }
.lead { color: var(--faint); } .good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
.verdict { font-size: 1.15rem; font-weight: 600; margin-top: .6rem; }
.facts { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.fact { background: var(--wash); border-radius: 8px; padding: .6rem 1rem; min-width: 8rem; }
.fact b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; } .fact span { color: var(--faint); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--line); padding: .35rem .7rem .35rem 0; }
td { vertical-align: top; border-bottom: 1px solid var(--line); padding: .35rem .7rem .35rem 0; }
td small { color: var(--faint); } svg { width: 100%; height: auto; font-family: system-ui, "DejaVu Sans", sans-serif; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page; the parts are HTML already."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{''.join(parts)}</body></html>\n"
    )


def section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading and a table; cells are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{column}</th>" for column in columns)
    table = f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>' if body else "<p>None.</p>"
    return f"\n<h2>{title}</h2>{table}\n"


def facts(values: Mapping[str, str]) -> str:
    """A row of boxes: a figure with its name below."""
    boxes = "".join(
        f'<div class="fact"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in values.items()
    )
    return f'<div class="facts">{boxes}</div>'


def drawing(label: str, size: tuple[float, float], paint: "Callable[[Figure], None]") -> str:
    """What ``paint`` puts on a figure of ``size`` inches, as ``<svg>``; ``label`` tells it to those who cannot see it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "triage",
        "font.size": 10,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK),
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").replace(FAINT, "var(--faint)")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


def write_page(path: Path, text: str) -> Path:
    """Write a page to ``path``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    return unfinished.replace(path)
