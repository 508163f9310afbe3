"""What is left of rows, reports and feedback once somebody is forgotten. Pure: the judgment, and nothing of where it is kept.

Their own mails go whole. From other people's mails go the address, also as a recipient, the ids of the mails that went, and
what the mail repeats of them: in the quoted zone, or anywhere in a mail that came later in the same thread.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any

import pyarrow as pa

from apps.training.datasets.preprocess import content_digest
from apps.training.datasets.rows import INGESTED, emails_of, ingested_row
from apps.training.datasets.validate import DUPLICATE
from apps.training.erasure.phrases import Phrases
from apps.training.erasure.traces import Row, Traces, is_html
from libs.common.domain.dataset import QualityReport
from libs.common.domain.triage import Email, Feedback, LabelledEmail
from libs.common.features.cleaning import CleanEmail, clean

_WRITTEN = ("subject", "body", "summary")
_READ = ("subject", "body", "clean_subject", "clean_text", "clean_quoted")
_MAIL = tuple(name for name in INGESTED.names if name not in ("position", "source", "label", "summary", "reason"))


@dataclass(frozen=True, slots=True)
class Erased:
    """What is left of a table, the rows that went, and how many of those that stay were changed."""

    table: pa.Table
    gone: tuple[Row, ...] = ()
    rewritten: int = 0


def erase(table: pa.Table, traces: Traces) -> Erased:
    """The table of a dataset's e-mails or of its quarantine, in its order and with its columns."""
    rows = table.to_pylist()
    is_gone = [traces.is_gone(row) for row in rows]
    gone = tuple(row for row, goes in zip(rows, is_gone, strict=True) if goes)
    staying = [row for row, goes in zip(rows, is_gone, strict=True) if not goes]
    left = [erase_row(row, traces) for row in staying]
    rewritten = sum(new != old for new, old in zip(left, staying, strict=True))
    return Erased(pa.Table.from_pylist(left, schema=table.schema) if gone or rewritten else table, gone, rewritten)


def erase_row(row: Row, traces: Traces) -> dict[str, Any]:
    """What is left of somebody else's mail; the cleaned columns and the row's id follow its text, its other figures stay."""
    left: dict[str, Any] = traces.everywhere(row)
    left |= {name: traces.name(row[name]) for name in ("message_id", "thread_id") if row.get(name)}
    if row["subject"]:
        left["subject"] = traces.headline(row["subject"])
    if row.get("recipients"):
        left["recipients"] = traces.everywhere([to for to in row["recipients"] if not _is(to, traces.subject.sender)])
    if phrases := _repeated(row, traces):
        left |= {name: phrases.taken_out(left[name], is_html(row)) for name in _WRITTEN if left.get(name)}
    if "clean_text" in row and (phrases or any(left[name] != row[name] for name in _READ)):
        left |= _cleaned(left, row, traces)
    return left


def quality_after(quality: QualityReport, rows: int, reasons: Counter[str]) -> QualityReport:
    """The report once ``rows`` e-mails went, and of what was set aside as many as ``reasons`` counts.

    Its score and findings stay those of the build.
    """
    left = {reason: count - reasons[reason] for reason, count in quality.quarantined.items() if count > reasons[reason]}
    return quality.model_copy(
        update={
            "rows_read": quality.rows_read - rows - reasons.total(),
            "rows_kept": quality.rows_kept - rows,
            "quarantined": left,
            "duplicates": quality.duplicates - reasons[DUPLICATE],
        }
    )


def row_of(email: Email) -> dict[str, Any]:
    """An e-mail as a row with its cleaned text, as a dataset has it."""
    return ingested_row(0, LabelledEmail(email, "", "")) | _texts(clean(email))


def erase_mail(report: Feedback, traces: Traces) -> Feedback:
    """Feedback on somebody else's mail, and who gave it, without the subject."""
    reporter = traces.plain(report.reporter)
    if report.email is None:
        return replace(report, reporter=reporter)
    row = row_of(report.email)
    left = erase_row(row, traces)
    (email,) = emails_of(pa.Table.from_pylist([left], schema=INGESTED))
    return replace(report, reporter=reporter, email=report.email if left == row else email)


def _repeated(row: Row, traces: Traces) -> Phrases:
    if "clean_quoted" not in row:  # set aside, and never parted into zones
        return traces.phrases.of(row["body"] or "", is_html(row))
    zones: Sequence[str] = ("clean_quoted", "clean_text") if traces.answers(row) else ("clean_quoted",)
    return traces.phrases.of("\n".join(row[zone] or "" for zone in zones))


def _cleaned(left: Row, row: Row, traces: Traces) -> dict[str, Any]:
    (email,) = emails_of(pa.Table.from_pylist([left], schema=pa.schema([INGESTED.field(name) for name in _MAIL])))
    cleaned = _plain(clean(email), traces)
    changed: dict[str, Any] = {}
    if rest := _repeated({**row, "clean_text": cleaned.text, "clean_quoted": cleaned.quoted}, traces):
        # Cleaning mends what hid the words in the raw body from us: then the cleaned text takes the body's place.
        quoted = "\n".join(f"> {line}" for line in rest.taken_out(cleaned.quoted).split("\n"))
        changed = {"body": f"{rest.taken_out(cleaned.text)}\n\n{quoted}", "is_html": False}
        cleaned = _plain(clean(replace(email, **changed)), traces)
    return changed | _texts(cleaned) | {"row_id": content_digest(cleaned)}


def _texts(cleaned: CleanEmail) -> dict[str, str]:
    return {"clean_subject": cleaned.subject, "clean_text": cleaned.text, "clean_quoted": cleaned.quoted}


def _plain(cleaned: CleanEmail, traces: Traces) -> CleanEmail:
    return CleanEmail(*(traces.plain(text) for text in (cleaned.subject, cleaned.text, cleaned.quoted)))


def _is(recipient: str, address: str) -> bool:
    return bool(address) and parseaddr(recipient)[1].lower() == address
