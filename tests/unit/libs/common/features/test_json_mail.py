"""The JSON form of an e-mail goes there and back, and a fault names its field."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Attachment, Email
from libs.common.errors import DataError
from libs.common.features.json_mail import email_from_json, email_to_json

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
EMAILS = st.builds(
    Email,
    message_id=TEXT,
    sender=TEXT,
    subject=TEXT,
    body=TEXT.map(lambda text: text + "."),
    is_html=st.booleans(),
    recipients=st.lists(TEXT, max_size=3).map(tuple),
    sent_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    thread_id=TEXT.map(lambda text: text + "."),
    attachments=st.lists(st.builds(Attachment, TEXT, TEXT, st.integers(0, 2**40)), max_size=2).map(tuple),
)


@given(EMAILS)
def test_an_email_survives_the_round_trip(email: Email) -> None:
    assert email_from_json(email_to_json(email)) == email


def test_subject_or_body_is_enough() -> None:
    assert email_from_json({"subject": "Re: Hi"}) == Email("", "", "Re: Hi", "", thread_id="subject:hi")


def test_a_time_with_an_offset_becomes_utc() -> None:
    email = email_from_json({"body": "x", "sent_at": "2025-01-15T10:30:00+02:00"})
    assert email.sent_at == datetime(2025, 1, 15, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the e-mail is a list"),
        ({"subject": " "}, "neither a subject nor a body"),
        ({"subject": "x", "sbject": "y"}, "unknown field 'sbject'"),
        ({"body": 3}, "'body' is a number"),
        ({"body": "x", "is_html": "yes"}, "'is_html' is a string"),
        ({"body": "x", "recipients": "a@b"}, "'recipients' is a string"),
        ({"body": "x", "recipients": [None, 3]}, "'recipients' is a number"),
        ({"body": "x", "sent_at": "yesterday"}, "'sent_at' is 'yesterday'"),
        ({"body": "x", "attachments": [3]}, r"'attachments\[0\]' is a number"),
        ({"body": "x", "attachments": [{"size_bytes": True}]}, "'size_bytes' is a boolean"),
    ],
)
def test_a_fault_names_the_field_and_what_to_write(document: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        email_from_json(document)
    assert caught.value.hint
