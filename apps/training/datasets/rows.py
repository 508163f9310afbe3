"""The columns of a dataset's files, and e-mails there and back.

``emails.parquet``: ``row_id`` (SHA-256 of the cleaned content), ``source``, the Email flattened, ``label``, ``summary``,
the cleaned ``clean_subject``/``clean_text``/``clean_quoted``, the facts of ``MailFacts``, ``flaws`` by name, ``quality`` in
0…1, ``split``, ``fold`` (−1 in the holdout).
``quarantine.parquet``: ``source``, ``reason``, and of the mail what could be read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import pyarrow as pa

from libs.common.domain.triage import Attachment, Email, LabelledEmail
from libs.common.features.facts import MailFacts

TABLE = "emails.parquet"

_ATTACHMENT = pa.struct([("name", pa.string()), ("content_type", pa.string()), ("size_bytes", pa.int64())])
EMAIL_FIELDS: list[pa.Field] = [
    pa.field("message_id", pa.string()),
    pa.field("sender", pa.string()),
    pa.field("recipients", pa.list_(pa.string())),
    pa.field("subject", pa.string()),
    pa.field("body", pa.string()),
    pa.field("is_html", pa.bool_()),
    pa.field("sent_at", pa.timestamp("us", tz="UTC")),
    pa.field("thread_id", pa.string()),
    pa.field("attachments", pa.list_(_ATTACHMENT)),
]
FACT_FIELDS: list[pa.Field] = [
    pa.field(fact.name, pa.string() if fact.type in (str, "str") else pa.int64()) for fact in fields(MailFacts)
]
# What ingestion yields: `position` orders rows within the build, `reason` says why a mail is to be set aside.
INGESTED = pa.schema(
    [
        pa.field("position", pa.int64()),
        pa.field("source", pa.string()),
        *EMAIL_FIELDS,
        pa.field("label", pa.string()),
        pa.field("summary", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
CLEANED = pa.schema(
    [
        *INGESTED,
        pa.field("row_id", pa.string()),
        pa.field("clean_subject", pa.string()),
        pa.field("clean_text", pa.string()),
        pa.field("clean_quoted", pa.string()),
        pa.field("flaws", pa.list_(pa.string())),
        pa.field("signature", pa.binary()),
        pa.field("words", pa.binary()),
        pa.field("lines", pa.binary()),
        *FACT_FIELDS,
    ]
)
_OF_THE_BUILD = ("position", "reason", "signature", "words", "lines")
DATASET = pa.schema(
    [
        *(field for field in CLEANED if field.name not in _OF_THE_BUILD),
        pa.field("quality", pa.float64()),
        pa.field("split", pa.string()),
        pa.field("fold", pa.int8()),
    ]
)
QUARANTINE = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("message_id", pa.string()),
        pa.field("sender", pa.string()),  # so that a person's mail is found here too when they ask to be forgotten
        pa.field("sent_at", pa.timestamp("us", tz="UTC")),
        pa.field("label", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("body", pa.string()),
    ]
)


def ingested_row(position: int, mail: LabelledEmail, reason: str = "") -> dict[str, Any]:
    """One row of ``INGESTED``."""
    email = mail.email
    return {
        "position": position,
        "source": mail.source,
        "message_id": email.message_id,
        "sender": email.sender,
        "recipients": list(email.recipients),
        "subject": email.subject,
        "body": email.body,
        "is_html": email.is_html,
        "sent_at": email.sent_at,
        "thread_id": email.thread_id,
        "attachments": [
            {"name": item.name, "content_type": item.content_type, "size_bytes": item.size_bytes} for item in email.attachments
        ],
        "label": mail.label,
        "summary": mail.summary,
        "reason": reason,
    }


def ingested_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table of ``INGESTED``."""
    return pa.Table.from_pylist(list(rows), schema=INGESTED)


def emails_of(table: pa.Table) -> list[Email]:
    """The Emails of a table that has the e-mail columns, in its order."""
    columns = table.select([field.name for field in EMAIL_FIELDS]).to_pydict()
    names = list(columns)
    return [_email(dict(zip(names, values, strict=True))) for values in zip(*columns.values(), strict=True)]


def labelled_emails_of(table: pa.Table) -> list[LabelledEmail]:
    """The LabelledEmails of a dataset's table, in its order."""
    others: Iterable[tuple[str, str, str]] = zip(
        *(table.column(name).to_pylist() for name in ("label", "source", "summary")), strict=True
    )
    return [LabelledEmail(email, *rest) for email, rest in zip(emails_of(table), others, strict=True)]


def _email(row: dict[str, Any]) -> Email:
    sent_at: datetime | None = row["sent_at"]
    return Email(
        message_id=row["message_id"],
        sender=row["sender"],
        subject=row["subject"],
        body=row["body"],
        is_html=row["is_html"],
        recipients=tuple(row["recipients"]),
        sent_at=sent_at,
        thread_id=row["thread_id"],
        attachments=tuple(Attachment(**item) for item in row["attachments"]),
    )
