"""Which rows are fit to be learned from, and how good the whole is. Pure, and independent of the order of the rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.training.datasets.flaws import quality_of
from apps.training.datasets.leaks import finding
from libs.common.domain.dataset import Finding, QualityReport

DUPLICATE = "the same content again"
_LONGEST_LABEL = 64
_SCHEMA_REASONS = {
    "label": f"the label is empty, longer than {_LONGEST_LABEL} characters or holds control characters",
    "text_chars": "neither subject nor text is left after cleaning",
    "row_id": "the content digest is no SHA-256",
    "quality": "the quality score is outside 0…1",
}
_LAST_DATE = datetime.max.replace(tzinfo=UTC)
_SMALL_CLASS = 50
_UNDATED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Candidate:
    """What validation and the split need of a row; ``position`` is unique, ``row_id`` the digest of the content.

    ``origin`` names it to people; ``corrected`` rows carry a person's later word and win over other rows of the same content.
    """

    position: int
    row_id: str
    label: str
    message_id: str
    thread_id: str
    subject: str
    text_chars: int
    sent_at: datetime | None = None
    reason: str = ""
    corrected: bool = False
    origin: str = ""
    flaws: tuple[str, ...] = ()
    signature: bytes = b""

    @property
    def quality(self) -> float:
        """The share of `FLAWS` that the row does not have, 0…1."""
        return quality_of(len(self.flaws))


def reasons_to_set_aside(rows: Sequence[Candidate], smallest_class: int) -> dict[int, str]:
    """Position → why the row is not used: unreadable, off the schema, a duplicate, contradicted, or of too rare a class."""
    reasons = {row.position: row.reason for row in rows if row.reason}
    reasons |= _off_schema([row for row in rows if row.position not in reasons])
    reasons |= _repeated([row for row in rows if row.position not in reasons])
    counts = Counter(row.label for row in rows if row.position not in reasons)
    for row in rows:
        if row.position not in reasons and counts[row.label] < smallest_class:
            reasons[row.position] = f"only {counts[row.label]} mails are labelled '{row.label}', {smallest_class} are needed"
    return reasons


def quality_report(
    rows: Sequence[Candidate], kept: Sequence[Candidate], reasons: Mapping[int, str], found: Iterable[Finding] = ()
) -> QualityReport:
    """Counts by reason and flaw; the score is the mean quality of ``kept`` times the share of distinct rows that were kept.

    ``kept`` are those of ``rows`` without a reason, with every flaw they have; ``found`` joins the findings.
    """
    counts = Counter(reasons.values())
    duplicates = counts.pop(DUPLICATE, 0)
    distinct = len(rows) - duplicates
    mean = sum(row.quality for row in kept) / len(kept) if kept else 0.0
    return QualityReport(
        rows_read=len(rows),
        rows_kept=len(kept),
        quarantined=dict(sorted(counts.items())),
        duplicates=duplicates,
        score=round(mean * len(kept) / distinct, 4) if distinct else 0.0,
        flaws=dict(sorted(Counter(flaw for row in kept for flaw in row.flaws).items())),
        findings=(*found, *_findings(kept, counts)),
    )


def _off_schema(rows: Sequence[Candidate]) -> dict[int, str]:
    import pandas as pd
    import pandera.pandas as pa

    names = [*_SCHEMA_REASONS]
    frame = pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
    schema = pa.DataFrameSchema(
        {
            "label": pa.Column(str, pa.Check.str_matches(rf"^[^\x00-\x1f]{{1,{_LONGEST_LABEL}}}$")),
            "text_chars": pa.Column(int, pa.Check.gt(0)),
            "row_id": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{64}$")),
            "quality": pa.Column(float, pa.Check.in_range(0, 1)),
        },
        strict=True,
    )
    if frame.empty:
        return {}
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        found = [(int(index), str(column)) for index, column in zip(cases["index"], cases["column"], strict=True)]
        return {rows[index].position: _SCHEMA_REASONS[column] for index, column in sorted(found, reverse=True)}
    return {}


def _repeated(rows: Iterable[Candidate]) -> dict[int, str]:
    alike: dict[str, list[Candidate]] = {}
    for row in rows:
        alike.setdefault(row.row_id, []).append(row)
    reasons: dict[int, str] = {}
    for same in alike.values():
        authoritative = [row for row in same if row.corrected] or same
        labels = sorted({row.label for row in authoritative})
        first = min(authoritative, key=lambda row: (row.sent_at or _LAST_DATE, row.message_id, row.thread_id, row.position))
        contradiction = f"the same content is labelled {' and '.join(labels)}"
        for row in same:
            if len(labels) > 1:
                reasons[row.position] = contradiction
            elif row is not first:
                reasons[row.position] = DUPLICATE
    return reasons


def _findings(kept: Sequence[Candidate], counts: Mapping[str, int]) -> Iterable[Finding]:
    classes = Counter(row.label for row in kept)
    undated = [row.origin for row in kept if row.sent_at is None]
    if kept and len(undated) > _UNDATED_SHARE * len(kept):
        said = f"{len(undated)} of {len(kept)} mails have no date: a split by time can't hold them out"
        yield finding("undated", said, undated)
    for label, count in sorted(classes.items()):
        if count < _SMALL_CLASS:
            yield Finding(kind="small class", said=f"'{label}' has {count} mails: figures about it will be uncertain")
    for reason, count in sorted(counts.items()):
        yield Finding(kind="set aside", said=f"{count} set aside: {reason}", count=count)
