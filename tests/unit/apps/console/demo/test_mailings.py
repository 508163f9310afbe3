"""What is trained on and what is sent never share a thread, and the drift rewrites words and mix but no label."""

import json
from pathlib import Path

import pytest

from apps.console.demo.account import CALM, DRIFTED, FRESH
from apps.console.demo.drift import drifted, new_names
from apps.console.demo.mail_stream import MailFolder
from apps.console.demo.mailings import prepare
from apps.training.synthetic import generate
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError

PARTS = (CALM, DRIFTED, FRESH)


@pytest.fixture(scope="module")
def mailbox() -> list[LabelledEmail]:
    return list(generate(800, seed=3))


@pytest.fixture
def corpus(tmp_path: Path, mailbox: list[LabelledEmail]) -> Path:
    rows = [
        {
            "label": mail.label,
            "subject": mail.email.subject,
            "body": mail.email.body,
            "message_id": mail.email.message_id,
            "thread_id": mail.email.thread_id,
        }
        for mail in mailbox
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_corpus_is_split_between_training_and_traffic_by_thread(corpus: Path, tmp_path: Path) -> None:
    mailing = prepare(str(corpus), None, tmp_path / "demo" / "mails")
    trained = [json.loads(line) for line in Path(mailing.training_uri).read_text().splitlines()]
    sent = {part: MailFolder(tmp_path / "demo" / "mails").read(part) for part in PARTS}
    threads = [{row["thread_id"] for row in trained}] + [{mail.email.thread_id for mail in sent[part]} for part in PARTS]
    assert sum(map(len, threads)) == len(set.union(*threads))
    assert 0.1 < sum(len(mails) for mails in sent.values()) / 800 < 0.3
    assert {part: len(mails) for part, mails in sent.items()} == mailing.parts
    assert all(row["label"] and "attachments" not in row for row in trained)


def test_the_same_corpus_is_split_the_same_way_again(corpus: Path, tmp_path: Path) -> None:
    first, second = (prepare(str(corpus), None, tmp_path / name / "mails") for name in ("one", "two"))
    assert Path(first.training_uri).read_text() == Path(second.training_uri).read_text()
    for part in PARTS:
        one, two = ((tmp_path / name / "mails" / f"{part}.jsonl").read_text() for name in ("one", "two"))
        assert one == two


def test_a_synthetic_source_is_trained_on_as_it_is_named_and_sent_from_other_seeds(tmp_path: Path) -> None:
    mailing = prepare("synthetic://?n=200&seed=7", None, tmp_path)
    assert mailing.training_uri == "synthetic://?n=200&seed=7"
    assert min(mailing.parts.values()) >= 3000
    trained = {mail.email.message_id for mail in generate(200, seed=7)}
    sent = [mail.email.message_id for part in PARTS for mail in MailFolder(tmp_path).read(part)]
    assert not trained & set(sent)
    assert len(sent) == len(set(sent))


def test_a_corpus_without_enough_mails_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.jsonl"
    path.write_text("".join(json.dumps({"label": "a", "subject": f"s{n}", "body": "b"}) + "\n" for n in range(20)))
    with pytest.raises(DataError, match="20 labelled e-mails are too few"):
        prepare(str(path), None, tmp_path / "mails")


def test_drift_changes_words_and_lengths_but_no_label(mailbox: list[LabelledEmail]) -> None:
    moved = drifted(mailbox, new_names(mailbox), seed=1)
    labels = {mail.email.message_id: mail.label for mail in mailbox}
    bodies = {mail.email.message_id: mail.email.body for mail in mailbox}
    assert {mail.email.message_id: mail.label for mail in moved} == labels
    assert all(len(mail.email.body) > len(bodies[mail.email.message_id]) for mail in moved)
    assert all(mail.email.subject.startswith("Fwd: ") for mail in moved)
    known = {word for body in bodies.values() for word in body.split()}
    new = [word for mail in moved for word in mail.email.body.split() if word not in known]
    assert len(new) > 10 * len(moved)


def test_drift_is_the_same_each_time_and_empty_of_nothing(mailbox: list[LabelledEmail]) -> None:
    names = new_names(mailbox)
    assert drifted(mailbox, names, seed=1) == drifted(mailbox, names, seed=1)
    assert drifted(mailbox, names, seed=1) != drifted(mailbox, names, seed=2)
    assert drifted([], names) == []
