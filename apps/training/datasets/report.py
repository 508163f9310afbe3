"""The page of a dataset version: what was read and kept, what was found, and pictures of the rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from apps.training.datasets.flaws import quality_of
from apps.training.datasets.split import Part
from apps.training.datasets.validate import Candidate
from libs.common.domain.dataset import Finding, Lineage, QualityReport, Split
from libs.common.pages import COLOURS, FAINT, drawing, facts, page, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = "report.html"
_NAMED = 10
_BINS = 40


def dataset_page(
    name: str, rows: Sequence[Candidate], parts: Mapping[int, Part], quality: QualityReport, lineage: Lineage
) -> str:
    """The whole page, from the kept rows in their parts."""
    figures = {
        "e-mails read": f"{quality.rows_read:,}",
        "kept": f"{quality.rows_kept:,}",
        "set aside": f"{sum(quality.quarantined.values()):,}",
        "duplicates": f"{quality.duplicates:,}",
        "quality": f"{quality.score:.2f}",
        "findings": f"{len(quality.findings)}",
    }
    return page(
        f"Dataset {name}",
        [
            facts(figures),
            section("Found", ("kind", "what was found", "rows"), map(_finding_row, quality.findings)),
            section("Kept, with a flaw", ("flaw", "e-mails", "share"), _counted(quality.flaws, quality.rows_kept)),
            section("Set aside, with the reason", ("reason", "e-mails", "share"), _set_aside(quality)),
            f"<h2>The rows</h2>{_picture(rows, parts)}",
            section("Classes", ("label", "train", "holdout"), _class_rows(rows, parts)),
            section("Sources", ("source", "e-mails", "SHA-256"), _source_rows(lineage)),
        ],
    )


def _finding_row(finding: Finding) -> tuple[str, str, str]:
    more = f" and {finding.count - _NAMED} more" if finding.count > _NAMED else ""
    rows = f"<small>{escape(', '.join(finding.rows[:_NAMED]))}{more}</small>" if finding.rows else "–"
    return escape(finding.kind), escape(finding.said), rows


def _set_aside(quality: QualityReport) -> Iterator[tuple[str, str, str]]:
    duplicates = {"the same content again": quality.duplicates} if quality.duplicates else {}
    yield from _counted({**quality.quarantined, **duplicates}, quality.rows_read)


def _counted(counts: Mapping[str, int], whole: int) -> Iterator[tuple[str, str, str]]:
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield escape(name), f"{count:,}", f"{count / max(whole, 1):.1%}"


def _class_rows(rows: Sequence[Candidate], parts: Mapping[int, Part]) -> Iterator[tuple[str, str, str]]:
    counts = Counter((row.label, parts[row.position].split) for row in rows)
    for label in sorted({row.label for row in rows}):
        yield escape(label), f"{counts[label, Split.TRAIN]:,}", f"{counts[label, Split.HOLDOUT]:,}"


def _source_rows(lineage: Lineage) -> Iterator[tuple[str, str, str]]:
    for source in lineage.sources:
        yield escape(source.uri), f"{source.rows:,}", f"<small>{source.digest[:16]}…</small>"


def _picture(rows: Sequence[Candidate], parts: Mapping[int, Part]) -> str:
    def paint(figure: "Figure") -> None:
        (classes, lengths), (quality, time) = figure.subplots(2, 2)
        _draw_classes(classes, rows, parts)
        _draw_lengths(lengths, rows)
        _draw_quality(quality, rows)
        _draw_time(time, rows)
        for axis in (classes, lengths, quality, time):
            axis.grid(alpha=0.25, color=FAINT)
            axis.spines[["top", "right"]].set_visible(False)

    return drawing("class sizes, text lengths, quality and dates", (11, 7.5), paint)


def _draw_classes(axis: "Axes", rows: Sequence[Candidate], parts: Mapping[int, Part]) -> None:
    counts = Counter((row.label, parts[row.position].split) for row in rows)
    labels = sorted({row.label for row in rows}, reverse=True)
    train, held = ([counts[label, split] for label in labels] for split in (Split.TRAIN, Split.HOLDOUT))
    axis.barh(labels, train, color=COLOURS[0], label="train")
    axis.barh(labels, held, left=train, color=COLOURS[1], label="holdout")
    axis.set_xlabel("e-mails")
    axis.legend(frameon=False)


def _draw_lengths(axis: "Axes", rows: Sequence[Candidate]) -> None:
    lengths = np.array([max(row.text_chars, 1) for row in rows])
    axis.hist(lengths, bins=np.geomspace(lengths.min(), lengths.max() + 1, _BINS).tolist(), color=COLOURS[4])
    axis.set(xlabel="characters after cleaning", ylabel="e-mails", xscale="log")


def _draw_quality(axis: "Axes", rows: Sequence[Candidate]) -> None:
    counts = Counter(len(row.flaws) for row in rows)
    flaws = range(max(counts) + 1)
    axis.bar([f"{quality_of(count):.1f}" for count in flaws], [counts[count] for count in flaws], color=COLOURS[2])
    axis.set(xlabel="quality of an e-mail", ylabel="e-mails", yscale="log")


def _draw_time(axis: "Axes", rows: Sequence[Candidate]) -> None:
    from matplotlib.dates import date2num

    dates = [date2num(row.sent_at) for row in rows if row.sent_at]
    if dates:
        # A few impossible dates would make one bar of all the others.
        low, high = np.quantile(dates, [0.005, 0.995])
        axis.hist(dates, bins=_BINS, range=(float(low), float(high) + 1e-9), color=COLOURS[3])
        axis.xaxis_date()
        axis.tick_params(axis="x", rotation=30)
    axis.set(ylabel="e-mails", xlabel=f"sent ({len(rows) - len(dates):,} undated, outer 1 % left out)")
