"""Ingested rows → cleaned rows with a content digest and a quality score. Pure: Ray Data calls it batch by batch."""

import hashlib

import pyarrow as pa

from apps.training.rows import CLEANED, emails_of
from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS, CleanEmail, clean

_SHORTEST_TEXT = 20
_MOST_UNREADABLE = 0.01


def clean_rows(table: pa.Table) -> pa.Table:
    """``INGESTED`` → ``CLEANED``: the same rows in the same order."""
    emails = emails_of(table)
    cleaned = [clean(email) for email in emails]
    added = {
        "row_id": [content_digest(each) for each in cleaned],
        "clean_subject": [each.subject for each in cleaned],
        "clean_text": [each.text for each in cleaned],
        "clean_quoted": [each.quoted for each in cleaned],
        "quality": [quality_of(email, each) for email, each in zip(emails, cleaned, strict=True)],
    }
    for name, values in added.items():
        table = table.append_column(CLEANED.field(name), pa.array(values, CLEANED.field(name).type))
    return table


def content_digest(cleaned: CleanEmail) -> str:
    """SHA-256 of what is left after cleaning: two mails with the same digest read the same."""
    return hashlib.sha256("\0".join((cleaned.subject, cleaned.text, cleaned.quoted)).encode()).hexdigest()


def quality_of(email: Email, cleaned: CleanEmail) -> float:
    """The share in 0…1 of five facts that hold: a subject, enough text, a date, legible characters, a sane length."""
    whole = cleaned.whole
    facts = (
        bool(cleaned.subject),
        len(cleaned.text) >= _SHORTEST_TEXT,
        email.sent_at is not None,
        whole.count("\ufffd") <= _MOST_UNREADABLE * len(whole),
        len(email.body) <= MAX_BODY_CHARS,
    )
    return sum(facts) / len(facts)
