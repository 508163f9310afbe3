"""What a model reads decides the bytes, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Attachment, Email
from libs.common.features.cleaning import MAX_BODY_CHARS, MAX_SUBJECT_CHARS
from libs.common.features.content import content_of

texts = st.text(st.characters(categories=("L", "N", "P", "Z", "Cc", "Cs")), max_size=6)  # lone surrogates included
emails = st.builds(Email, st.just(""), st.just(""), texts, texts, st.booleans())


@given(emails, emails)
def test_other_contents_have_other_bytes(one: Email, other: Email) -> None:
    assert (content_of(one) == content_of(other)) == (one == other)


def test_subject_and_body_do_not_run_into_each_other() -> None:
    one, other = Email("", "", "1 a", "b"), Email("", "", "1", " ab")
    assert content_of(one) != content_of(other)


def test_ids_people_dates_and_what_lies_beyond_the_cut_change_nothing() -> None:
    email = Email("<1@a>", "ann@a", "S" * MAX_SUBJECT_CHARS, "b" * MAX_BODY_CHARS, attachments=(Attachment("a.pdf", "x/y", 1),))
    other = Email(
        "<2@b>",
        "bob@b",
        email.subject + "more",
        email.body + "more",
        recipients=("eve@c",),
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        thread_id="<t>",
        attachments=(Attachment("b.zip", "z/z", 2),),
    )
    assert content_of(email) == content_of(other)
    assert content_of(email) != content_of(replace(email, attachments=()))
