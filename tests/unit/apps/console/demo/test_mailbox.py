"""A mailbox goes out with a name of ours on every e-mail and no label, and what comes back is counted by that name."""

import json

import pytest

from apps.console.demo.mailbox import MailAnswer, TriagedMailbox, mailbox_lines, numbered, read_answers, words_that_carried
from apps.training.synthetic import generate
from libs.common.domain.triage import Attachment, Email, LabelledEmail
from libs.common.errors import DataError
from libs.common.features.json_mail import email_from_json

SENT = {"calm:1": "billing", "calm:2": "spam", "calm:3": "hr"}


def _answer(message_id: str, label: str = "billing", version: str = "1") -> MailAnswer:
    return MailAnswer(message_id, label, version)


def test_e_mails_without_an_id_and_with_the_same_one_are_told_apart() -> None:
    mails = [LabelledEmail(Email(name, "a@b.c", "hello", "you"), "hr", f"calm:{n}") for n, name in enumerate(["", "x", "x"])]
    assert [mail.email.message_id for mail in numbered(mails)] == ["calm:0", "calm:1", "calm:2"]


def test_a_mailbox_is_sent_without_labels_and_attachments_and_is_else_as_it_was() -> None:
    mails = list(generate(20, seed=3))
    rows = [json.loads(line) for line in mailbox_lines(mails).splitlines()]
    assert all(row.keys().isdisjoint({"label", "attachments"}) for row in rows)
    assert [email_from_json(row).body for row in rows] == [mail.email.body for mail in mails]
    with_one = LabelledEmail(Email("1", "a@b.c", "s", "b", attachments=(Attachment("n.pdf", "application/pdf", 9),)), "hr", "")
    assert b"n.pdf" not in mailbox_lines([with_one])


def test_what_came_back_is_counted_by_e_mail() -> None:
    box = TriagedMailbox(SENT, [_answer("calm:1"), _answer("calm:1"), _answer("calm:2", "hr", "2"), _answer("calm:9")])
    assert (box.answered, box.twice, box.strayed, box.right) == (2, 1, 1, 2)
    assert box.versions == ("1", "2")


def test_nothing_came_back() -> None:
    box = TriagedMailbox(SENT)
    assert (box.answered, box.twice, box.strayed, box.right, box.versions) == (0, 0, 0, 0, ())


def test_a_result_is_read_row_by_row_and_a_row_that_is_none_is_refused() -> None:
    row = {"position": 0, "message_id": "calm:1", "label": "billing", "version": "1", "confidence": 0.9}
    assert read_answers(json.dumps(row).encode() + b"\n") == [_answer("calm:1")]
    assert read_answers(b"") == []
    for broken in (b'{"message_id": "calm:1"}\n', b"nonsense\n", b"[]\n"):
        with pytest.raises(DataError, match="a row of the result is none"):
            read_answers(broken)


def test_the_words_that_spoke_most_for_the_label_are_named_with_all_that_was_said_of_them() -> None:
    said = [
        ("fact", "links", 2.0),
        ("bias", "", 1.5),
        ("word", "due", 0.5),
        ("word", "invoice", 0.4),
        ("characters", "invoice.", 0.3),
        ("closing", "invoice", 0.1),
    ]
    said += [("pair", "pay now", 0.2), ("subject", "hello", 0.1), ("word", "dear", -0.9)]
    reasons = [{"kind": kind, "name": name, "weight": weight} for kind, name, weight in said]
    found = words_that_carried(reasons)
    assert list(found) == ["invoice", "due", "pay now"]
    assert found["invoice"] == pytest.approx(0.8)
    assert words_that_carried(reasons[-1:]) == {}
