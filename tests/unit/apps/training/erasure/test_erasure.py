"""Who is forgotten leaves nothing in the mails of others; what others wrote stays."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.datasets.preprocess import content_digest
from apps.training.datasets.rows import QUARANTINE
from apps.training.datasets.validate import DUPLICATE
from apps.training.erasure.erasure import erase, erase_mail, erase_row, quality_after, row_of
from apps.training.erasure.phrases import ERASED
from apps.training.erasure.traces import Subject, Traces, gather
from libs.common.domain.dataset import QualityReport
from libs.common.domain.triage import Attachment, Email, Feedback
from libs.common.errors import DataError
from libs.common.features.cleaning import CleanEmail

ADDRESS = "ada.zebra@planted.example"
KEY = b"key"
AT = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "the heron of Quillmoor eats seven silver keys at dawn"
HERS = Email("m1@planted.example", ADDRESS, "herons of Quillmoor", f"Dear all,\n\n{SECRET}.\n\nAda", sent_at=AT)


def traces_of(subject: Subject, *mails: Email, key: bytes = KEY) -> Traces:
    return gather(subject, lambda: map(row_of, mails), key)


TRACES = traces_of(Subject.of(ADDRESS, None), HERS)


def left_of(email: Email, traces: Traces = TRACES) -> dict[str, Any]:
    return erase_row(row_of(email), traces)


def mail(body: str = "nothing of hers is in here", **fields: Any) -> Email:
    return replace(Email("m2@else.example", "bob@else.example", "lunch", body, sent_at=AT + timedelta(hours=1)), **fields)


@pytest.mark.parametrize("sender", [ADDRESS, ADDRESS.upper(), f'"Zebra, Ada" <{ADDRESS}>'])
def test_all_that_the_address_sent_goes_in_any_spelling(sender: str) -> None:
    assert TRACES.is_gone(row_of(replace(HERS, sender=sender)))


@pytest.mark.parametrize(
    "sender", ["", f"x{ADDRESS}", f"{ADDRESS}.uk", f"bob@else.example ({ADDRESS})", "zebra@planted.example"]
)
def test_what_others_sent_stays(sender: str) -> None:
    assert not TRACES.is_gone(row_of(replace(HERS, sender=sender)))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (f"write to {ADDRESS}.", f"write to {ERASED}."),
        (f"write to <mailto:{ADDRESS.title()}>", f"write to <mailto:{ERASED}>"),
        ("https://x.example/?to=ada.zebra%40planted.example&a=1", f"https://x.example/?to={ERASED}&a=1"),
        ("bounce-ada.zebra=planted.example@list", "bounce-ada.zebra=planted.example@list"),
        ("From: Ada B. Zebra <ada.zebra@planted.example>", f"From: {ERASED}"),
        ('"Zebra, Ada" <ada.zebra@planted.example> wrote:', f"{ERASED} wrote:"),
        ("see m1@planted.example, please", f"see {ERASED}, please"),
        (f"in {ADDRESS}.mbox.gz", f"in {ERASED}.mbox.gz"),
    ],
)
def test_the_address_and_the_ids_go_from_any_text(body: str, left: str) -> None:
    assert left_of(mail(body))["body"] == left


@pytest.mark.parametrize("other", [f"x{ADDRESS}", f"{ADDRESS}.uk", "not.ada.zebra@planted.example", "xm1@planted.example"])
def test_other_peoples_addresses_stay(other: str) -> None:
    row = row_of(mail(f"write to {other} today", recipients=(other,)))
    assert erase_row(row, TRACES) == row


def test_she_is_no_recipient_any_more_and_names_no_file() -> None:
    left = left_of(
        mail(recipients=("eve@else.example", ADDRESS.upper()), attachments=(Attachment(f"{ADDRESS}.vcf", "text/vcard", 7),))
    )
    assert left["recipients"] == ["eve@else.example"]
    assert left["attachments"] == [{"name": f"{ERASED}.vcf", "content_type": "text/vcard", "size_bytes": 7}]


def test_a_reply_loses_what_it_quotes_and_keeps_what_it_says() -> None:
    left = left_of(mail(f"That is wonderful, thank you.\n\n> {SECRET[:27]}\n> {SECRET[28:]}.\n"))
    assert left["body"].startswith("That is wonderful, thank you.")
    assert left["clean_text"] == "That is wonderful, thank you."
    assert not any(word in f"{left['body']} {left['clean_quoted']}" for word in ("heron", "Quillmoor", "dawn"))
    assert left["row_id"] == content_digest(CleanEmail("lunch", left["clean_text"], left["clean_quoted"]))


def test_a_later_mail_of_the_thread_needs_no_marks() -> None:
    reply = mail(f"<div>yes</div><div>{SECRET}</div>", is_html=True, thread_id=HERS.message_id)
    assert "heron" in left_of(replace(reply, thread_id="other@else.example"))["body"]
    assert "heron" not in left_of(reply)["body"]


def test_what_she_answered_to_stays_its_authors() -> None:
    first = mail(SECRET, message_id="t@else.example", thread_id="t@else.example", sent_at=AT - timedelta(days=1))
    hers = replace(HERS, subject="Re: lunch", thread_id="t@else.example", body=f"Fine!\n> {SECRET}")
    traces = traces_of(Subject.of(ADDRESS, None), hers)
    for other in (first, replace(first, message_id="u@else.example", body=f"> {SECRET}\n\nand now?")):
        assert erase_row(row_of(other), traces) == row_of(other)


def test_threads_stay_together_under_a_name_that_is_not_hers() -> None:
    names = {left_of(mail(message_id=f"r{n}@else.example", thread_id=HERS.message_id))["thread_id"] for n in range(3)}
    (name,) = names
    assert name.startswith("erased-")
    assert traces_of(Subject.of(ADDRESS, None), HERS, key=b"another key").name(HERS.message_id) != name


def test_the_subject_that_she_began_goes_from_the_answers() -> None:
    left = left_of(mail(subject="Re: Herons of Quillmoor", thread_id="subject:herons of quillmoor"))
    assert left["subject"] == f"Re: {ERASED}"
    assert left["thread_id"].startswith("erased-")
    assert left_of(mail(subject="herons of Quillmoor"))["subject"] == "herons of Quillmoor"


HIDDEN = "> " + SECRET.replace("heron", "he\u200bron").replace("keys", "k\u00adeys")
ENTITIES = "<p>&gt; " + SECRET.replace("e", "&#101;") + "</p>"


@pytest.mark.parametrize("body", [HIDDEN, ENTITIES])
def test_words_that_only_cleaning_can_read_go_too(body: str) -> None:
    left = left_of(mail(body, is_html=body.startswith("<"), thread_id=HERS.message_id))
    assert "seven" not in left["clean_quoted"] + left["clean_text"]
    assert "silver" not in left["body"]


def test_one_mail_can_go_alone() -> None:
    traces = traces_of(Subject.of(None, f"<{HERS.message_id}>"), HERS)
    assert traces.is_gone(row_of(HERS))
    assert not traces.is_gone(row_of(replace(HERS, message_id="m9@planted.example")))
    kept = erase_row(row_of(mail(f"> {SECRET}\nask {ADDRESS}")), traces)
    assert "heron" not in kept["body"]
    assert ADDRESS in kept["body"]


def test_what_was_set_aside_goes_by_its_sender_or_by_its_id() -> None:
    def aside(**fields: Any) -> dict[str, Any]:
        given = {"source": "x#1", "reason": "no label", "message_id": "q@x", "sender": "eve@x", "subject": "s", "body": "b"}
        return given | fields

    rows = [
        aside(sender=ADDRESS),
        aside(body=f"{SECRET} and {ADDRESS}"),
        aside(),
        aside(sender=None, subject=None, body=None, message_id=None),
    ]
    erased = erase(pa.Table.from_pylist(rows, schema=QUARANTINE), TRACES)
    assert [row["body"] for row in erased.table.to_pylist()] == [f"{ERASED} and {ERASED}", "b", None]
    assert (len(erased.gone), erased.rewritten) == (1, 1)
    older = QUARANTINE.remove(QUARANTINE.get_field_index("sender"))
    copies = pa.Table.from_pylist([aside(message_id=HERS.message_id)], schema=older)
    assert erase(copies, TRACES).table.num_rows == 0


def test_a_table_without_traces_is_the_same_table() -> None:
    table = pa.Table.from_pylist([{"source": "x", "reason": "r", "message_id": None, "body": None}], schema=QUARANTINE)
    assert erase(table, TRACES).table is table


def test_counts_follow_and_judgments_stay() -> None:
    before = QualityReport(rows_read=10, rows_kept=5, quarantined={"a": 2, "b": 1}, duplicates=2, score=0.5)
    after = quality_after(before, 3, Counter({"a": 1, "b": 1, DUPLICATE: 1}))
    assert after == QualityReport(rows_read=4, rows_kept=2, quarantined={"a": 1}, duplicates=1, score=0.5)


def test_feedback_of_others_loses_her_and_keeps_its_label() -> None:
    report = Feedback("r1", "email_classifier", "spam", ADDRESS, AT, mail(f"> {SECRET}", recipients=(ADDRESS,)))
    left = erase_mail(report, TRACES)
    assert (left.label, left.request_id, left.reporter) == ("spam", "r1", ERASED)
    assert left.email is not None
    assert left.email.recipients == ()
    assert "heron" not in left.email.body
    plain = Feedback("r2", "email_classifier", "spam", "bob", AT, mail())
    assert erase_mail(plain, TRACES) == plain


def test_words_that_somebody_wrote_before_her_are_not_hers() -> None:
    before, after = (mail(f"they say {SECRET}", sent_at=AT + timedelta(days=days)) for days in (-1, 1))
    quotation = row_of(mail(f"> {SECRET}"))
    assert erase_row(quotation, traces_of(TRACES.subject, HERS, before)) == quotation
    for others in ((after,), (replace(before, sent_at=None),), (mail(f"> {SECRET}", sent_at=before.sent_at),)):
        assert erase_row(quotation, traces_of(TRACES.subject, HERS, *others)) != quotation


@pytest.mark.parametrize(("sender", "message_id"), [(None, None), ("", ""), (ADDRESS, "m1"), ("no address", None)])
def test_exactly_one_subject_is_asked_for(sender: str | None, message_id: str | None) -> None:
    with pytest.raises(DataError, match=r"exactly one|is no address"):
        Subject.of(sender, message_id)


def test_the_same_request_is_recognised_and_cannot_be_guessed_without_the_key() -> None:
    assert Subject.of(ADDRESS.upper(), None).digest(KEY) == Subject.of(f"Ada <{ADDRESS}>", None).digest(KEY)
    assert Subject.of(ADDRESS, None).digest(KEY) != Subject.of(ADDRESS, None).digest(b"another key")
    assert Subject.of(ADDRESS, None).digest(KEY) != Subject.of(None, ADDRESS).digest(KEY)


@pytest.mark.timeout(150)  # two hundred times what it takes: whatever is quadratic takes longer
@pytest.mark.parametrize("filler", ["a", " ", "a ", '"', "<", "&", "a@", ">", "=", "1."])
def test_a_hostile_text_costs_no_more_than_a_long_one(filler: str) -> None:
    row = row_of(mail(ADDRESS)) | {"body": f"{filler * (200_000 // len(filler))} {ADDRESS}"}
    assert TRACES.plain(row["body"]).endswith(ERASED)
    assert TRACES.phrases.of(row["body"]).taken_out(row["body"]) == row["body"]
    assert TRACES.phrases.of(row["body"], is_html=True).taken_out(row["body"], is_html=True) == row["body"]


texts = st.lists(
    st.sampled_from(
        [ADDRESS, HERS.message_id, SECRET, f"> {SECRET}", f"Ada Zebra <{ADDRESS}> wrote:", "a", "\n", "<b>", "\u200b"]
    ),
    max_size=8,
).map(" ".join)


@given(texts, texts, st.booleans())
def test_whatever_others_wrote_nothing_of_hers_is_left_and_a_second_time_changes_nothing(
    body: str, subject: str, is_html: bool
) -> None:
    left = left_of(mail(body, subject=subject, is_html=is_html, thread_id=HERS.message_id))
    spoken = " ".join(str(value) for value in left.values())
    assert ADDRESS not in spoken
    assert HERS.message_id not in spoken
    assert "silver keys" not in left["clean_text"] + left["clean_quoted"]
    assert erase_row(left, TRACES) == left
