"""Ingested rows → cleaned rows with a content digest, flaws and a sketch. Pure: Ray Data calls it batch by batch."""

import hashlib

import pyarrow as pa

from apps.training.datasets.flaws import flaws_of
from apps.training.datasets.rows import CLEANED, FACT_FIELDS, emails_of
from apps.training.datasets.sketches import sketch
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.facts import facts_of


def clean_rows(table: pa.Table) -> pa.Table:
    """``INGESTED`` → ``CLEANED``: the same rows in the same order."""
    emails = emails_of(table)
    cleaned = [clean(email) for email in emails]
    sketches = [sketch(each) for each in cleaned]
    facts = [facts_of(email, each) for email, each in zip(emails, cleaned, strict=True)]
    added = {
        "row_id": [content_digest(each) for each in cleaned],
        "clean_subject": [each.subject for each in cleaned],
        "clean_text": [each.text for each in cleaned],
        "clean_quoted": [each.quoted for each in cleaned],
        "flaws": [flaws_of(email, each) for email, each in zip(emails, cleaned, strict=True)],
        "signature": [each.signature for each in sketches],
        "words": [each.words for each in sketches],
        "lines": [each.lines for each in sketches],
        **{field.name: [getattr(each, field.name) for each in facts] for field in FACT_FIELDS},
    }
    for name, values in added.items():
        table = table.append_column(CLEANED.field(name), pa.array(values, CLEANED.field(name).type))
    return table


def content_digest(cleaned: CleanEmail) -> str:
    """SHA-256 of what is left after cleaning: two mails with the same digest read the same."""
    return hashlib.sha256("\0".join((cleaned.subject, cleaned.text, cleaned.quoted)).encode()).hexdigest()
