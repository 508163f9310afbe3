"""What changed between two dataset versions, as rows for people to read: what, as it was, as it is, remark."""

from collections.abc import Iterator, Mapping

from apps.training.datasets.diff import Change, DatasetDiff, RowSet

Row = tuple[str, str, str, str]


def difference_rows(diff: DatasetDiff) -> list[Row]:
    """One row for each thing that changed, counts and quality first."""
    return [*_counts(diff), *_classes(diff), *_named("column", diff.columns), *_named("source", diff.sources), *_drift(diff)]


def _counts(diff: DatasetDiff) -> Iterator[Row]:
    same = "the content is the same" if diff.same_content else ""
    yield "e-mails", str(diff.rows[0]), str(diff.rows[1]), same
    yield "added", "", str(diff.added.count), _ids(diff.added)
    yield "removed", str(diff.removed.count), "", _ids(diff.removed)
    for what, moves in (("moved", diff.moved), ("relabelled", diff.relabelled)):
        for one, to in moves.items():
            for other, rows in to.items():
                yield what, one, other, f"{rows.count} e-mails: {_ids(rows)}"
    yield "quality", f"{diff.quality[0]:.2f}", f"{diff.quality[1]:.2f}", ""


def _classes(diff: DatasetDiff) -> Iterator[Row]:
    for label, change in diff.classes.items():
        old, new = f"{change.old} ({change.old_share:.1%})", f"{change.new} ({change.new_share:.1%})"
        yield f"class {label}", old, new, f"{change.new - change.old:+d}" if change.new != change.old else ""


def _named(what: str, changes: Mapping[str, Change]) -> Iterator[Row]:
    for name, change in changes.items():
        verb = "added" if change.old is None else "removed" if change.new is None else "changed"
        yield f"{what} {name}", _short(change.old), _short(change.new), verb


def _drift(diff: DatasetDiff) -> Iterator[Row]:
    score = "too few e-mails to judge" if diff.drift_score is None else f"D = {diff.drift_score:.3f}"
    yield "drift", "", "", score
    for name, drift in sorted(diff.drift.items(), key=lambda item: -item[1].distance):
        yield f"drift of {name}", "", "", f"D = {drift.distance:.3f}{', significant' if drift.significant else ''}"


def _ids(rows: RowSet) -> str:
    shown = " ".join(row_id[:12] for row_id in rows.examples)
    return f"{shown} …" if rows.count > len(rows.examples) else shown


def _short(text: str | None) -> str:
    """A digest is told apart by its beginning; the type of a column is shorter anyway."""
    return "" if text is None else text if len(text) <= 24 else f"{text[:12]}…"
