"""Cleaning a table adds columns and nothing else; the digest follows what can be read."""

from dataclasses import replace
from datetime import UTC, datetime

from apps.training.datasets.preprocess import clean_rows, content_digest
from apps.training.datasets.rows import CLEANED, emails_of, ingested_row, ingested_table, labelled_emails_of
from libs.common.domain.triage import Attachment, Email, LabelledEmail
from libs.common.features.cleaning import clean

EMAIL = Email(
    "id",
    "a@b",
    "Hello",
    "<p>A text that is <a href='https://a.example'>long</a> enough.</p>",
    True,
    ("c@d",),
    datetime(2025, 1, 1, tzinfo=UTC),
    "t",
    (Attachment("f.pdf", "application/pdf", 3),),
)


def test_rows_keep_their_email_and_gain_the_cleaned_text() -> None:
    mails = [LabelledEmail(EMAIL, "x", "s#1", "sum"), LabelledEmail(replace(EMAIL, subject="", sent_at=None), "y", "s#2")]
    table = clean_rows(ingested_table([ingested_row(place, mail) for place, mail in enumerate(mails)]))
    assert table.schema.equals(CLEANED)
    assert emails_of(table) == [mail.email for mail in mails]
    assert labelled_emails_of(table) == mails
    assert table.column("clean_text").to_pylist() == ["A text that is long enough."] * 2
    assert table.column("flaws").to_pylist() == [[], ["no subject", "no date"]]
    assert all(table.column("words").to_pylist())
    assert table.column("language").to_pylist() == ["en", "en"]
    assert table.column("links").to_pylist() == [1, 1]


def test_an_empty_table_stays_a_table() -> None:
    assert clean_rows(ingested_table([])).schema.equals(CLEANED)


def test_the_digest_is_of_what_is_read_not_of_how_it_is_written() -> None:
    plain = replace(EMAIL, body="A text  that is long enough.\r\n", is_html=False, message_id="other")
    assert content_digest(clean(plain)) == content_digest(clean(EMAIL))
    assert content_digest(clean(replace(plain, subject="hello"))) != content_digest(clean(EMAIL))
