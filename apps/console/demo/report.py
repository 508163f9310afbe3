"""The demo's report: one HTML file that needs nothing else."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from apps.console.demo.account import Account, Chapter, chapters
from apps.console.demo.checks import Check, kept
from apps.console.demo.report_plots import draw
from libs.common.domain.model import ModelVersion

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


def write_report(path: Path, account: Account, checks: Sequence[Check], ended: datetime) -> Path:
    """Write the report to ``path``, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(page(account, checks, ended), encoding="utf-8")
    return unfinished.replace(path)


def page(account: Account, checks: Sequence[Check], ended: datetime) -> str:
    """The whole page."""
    told = chapters(account, ended)
    sections = [
        _head(account, checks, ended),
        _section("What was promised, and what was found", ("", "promise", "found"), map(_check_row, checks)),
        _section("What happened", _CHAPTER_COLUMNS, (_chapter_row(account, chapter) for chapter in told)),
        f"<h2>Over time</h2>{draw(account, told)}",
        _section("Models", _MODEL_COLUMNS, map(_model_row, account.models)),
        _section("Promotions", ("promotion", "outcome", "gates", "approvals"), _promotion_rows(account)),
        _section("Releases", ("version", "strategy", "began", "ended", "phase", "why"), _release_rows(account)),
        _section("Alerts that the webhook received", ("after", "rule", "status", "value", "severity"), _alert_rows(account)),
        _section("Answers and failures", ("", ""), _load_rows(account)),
    ]
    title = "triage: the whole life of a model"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{title}</h1>\n{''.join(sections)}</body></html>\n"
    )


def _head(account: Account, checks: Sequence[Check], ended: datetime) -> str:
    counts, good = account.counts, kept(checks)
    said = (
        "Every promise was kept." if good else f"{sum(not each.ok for each in checks)} of {len(checks)} promises were broken."
    )
    facts = {
        "duration": f"{account.chronicle.seconds(ended) / 60:.1f} min",
        "e-mails answered": f"{counts.answers:,}",
        "requests failed": f"{counts.failed}",
        "p95 latency": f"{counts.p95_ms:.0f} ms",
        "audit records": f"{account.audit_records}",
    }
    boxes = "".join(f'<div class="fact"><b>{escape(value)}</b><span>{name}</span></div>' for name, value in facts.items())
    when = f"{account.chronicle.began:%F %H:%M} UTC"
    return (
        f'<p class="lead">{when} · e-mails from {escape(account.source)}</p>'
        f'<p class="verdict {"good" if good else "bad"}">{said}</p><div class="facts">{boxes}</div>'
    )


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading and a table; cells are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{column}</th>" for column in columns)
    table = f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>' if body else "<p>None.</p>"
    return f"\n<h2>{title}</h2>{table}\n"


def _check_row(check: Check) -> tuple[str, ...]:
    mark = '<span class="good">✓</span>' if check.ok else '<span class="bad">✗</span>'
    return mark, escape(check.name), escape(check.detail)


_CHAPTER_COLUMNS = ("", "what happened", "after", "version", "accuracy [95 %] (labels)", "traffic", "failed")


def _chapter_row(account: Account, chapter: Chapter) -> tuple[str, ...]:
    """The figures are of the traffic from this moment until the next."""
    moment, traffic = chapter.moment, chapter.traffic
    share = traffic.accuracy()
    bounds = _bounded(share.value, share.interval.low, share.interval.high)
    split = ", ".join(f"v{version} {part:.0%}" for version, part in traffic.traffic().items())
    answers = f"{len(traffic.emails):,} e-mails<br><small>{escape(split)}</small>" if traffic.emails else "–"
    return (
        str(chapter.number),
        f"<b>{escape(moment.title)}</b><br><small>{escape(moment.text)}</small>",
        f"{account.chronicle.seconds(moment.at):.0f} s",
        escape(moment.version) or "–",
        f"{bounds} ({share.count:,})" if share.count else "–",
        answers,
        _failures(traffic.failed),
    )


def _bounded(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _failures(failed: int) -> str:
    return f'<span class="{"bad" if failed else "good"}">{failed}</span>'


_MODEL_COLUMNS = ("version", "family", "stage", "accuracy [95 %]", "macro-F1", "calibration error", "p95", "memory", "dataset")


def _model_row(model: ModelVersion) -> tuple[str, ...]:
    found = model.performance_metrics
    return (
        f"<b>{escape(model.version)}</b>",
        f"{escape(model.family)}<br><small>{escape(model.architecture)}</small>",
        escape(model.stage),
        _bounded(found.accuracy, found.accuracy_low, found.accuracy_high) + f"<br><small>of {found.holdout_rows:,}</small>",
        f"{found.f1_score:.3f}",
        f"{found.calibration_error:.3f}",
        f"{found.inference_latency_p95_ms:.1f} ms",
        f"{model.deployment_requirements.memory_mb:,} MB",
        escape(model.training_details.dataset_version),
    )


def _promotion_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for promotion in account.promotions:
        gates = "".join(
            f"<li>{escape(f'{gate.gate}: {gate.verdict}')} <small>{escape(gate.found)}</small></li>" for gate in promotion.gates
        )
        votes = "<br>".join(
            escape(f"{'yes' if vote.approved else 'no'}: {vote.approver}, {vote.reason}") for vote in promotion.approvals
        )
        opened = f"<details><summary>{len(promotion.gates)} gates</summary><ul>{gates}</ul></details>"
        yield f"v{escape(promotion.version)} to {promotion.stage}", promotion.outcome, opened, votes or "automatic"


def _release_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for rollout in account.releases:
        ended = f"{account.chronicle.seconds(rollout.finished_at):.0f} s" if rollout.finished_at else "–"
        began = f"{account.chronicle.seconds(rollout.started_at):.0f} s"
        yield escape(rollout.candidate.version), rollout.strategy, began, ended, rollout.phase, escape(rollout.reason)


def _alert_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for alert in account.alerts:
        after = f"{account.chronicle.seconds(alert.at):.0f} s"
        yield (
            after,
            f"{alert.rule}<br><small>{escape(alert.condition)}</small>",
            alert.status,
            f"{alert.value:.3f}",
            alert.severity,
        )


def _load_rows(account: Account) -> Iterable[tuple[str, str]]:
    counts = account.counts
    yield "e-mails sent", f"{counts.emails:,} in {counts.seconds:.0f} s, {counts.per_second:.1f} a second, open loop"
    yield "answered by version", escape(", ".join(f"v{version}: {times:,}" for version, times in counts.by_version.items()))
    yield "feedback reports", f"{counts.feedback:,}"
    yield (
        "failed",
        _failures(counts.failed) + escape("".join(f"; {times} × {problem}" for problem, times in counts.problems.items())),
    )
    yield "answered twice, strayed, without a version", f"{counts.answered_twice}, {counts.strayed}, {counts.unversioned}"
    yield "latency p50, p95, p99", f"{counts.p50_ms:.1f}, {counts.p95_ms:.1f}, {counts.p99_ms:.1f} ms"
    yield "audit chain", escape(f"{account.audit_records} records; " + ("; ".join(account.audit_faults) or "every link holds"))
