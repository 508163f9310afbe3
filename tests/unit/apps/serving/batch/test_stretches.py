"""Every e-mail of a stretch comes out once, in its order, with its label or with the reason why it has none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.serving.batch.part_files import SetAside, Triaged
from apps.serving.batch.stretches import read_columns, triage_stretch
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.sources.raw_mail import RawMail
from tests.unit.apps.serving.fakes import Classifier, loaded

FIRST_OF_PART_2 = 2 << 32


@dataclass(frozen=True)
class Given:
    """A stretch of some mails."""

    rows: Sequence[Any]

    @property
    def mails(self) -> int:
        return len(self.rows)

    def read(self) -> Iterator[RawMail]:
        for number, row in enumerate(self.rows):
            yield RawMail(f"m#{number}", raw=row) if isinstance(row, bytes) else RawMail(f"m#{number}", columns=row)


def refuse_poison(emails: Sequence[Email]) -> None:
    if any("poison" in email.body for email in emails):
        raise ValueError("cannot take 'poison'")


def triaged(rows: Sequence[Any], batch_size: int, columns: Sequence[str] = ()) -> list[Triaged | SetAside]:
    engine = loaded("1", classifier=Classifier(before=refuse_poison)).predict
    batches = list(triage_stretch(Given(rows), 2, read_columns(columns), engine, batch_size))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    return [one for batch in batches for one in batch]


def message(number: int) -> bytes:
    return f"Subject: s\nMessage-ID: <{number}@x>\n\nbody\n".encode()


@given(st.lists(st.sampled_from(["good", "poison", "empty"]), max_size=30), st.integers(1, 9))
def test_nothing_is_lost_nothing_comes_twice_and_no_mail_spoils_its_neighbours(kinds: list[str], batch_size: int) -> None:
    rows = [{"body": "" if kind == "empty" else kind, "message_id": str(number)} for number, kind in enumerate(kinds)]
    found = triaged(rows, batch_size)
    assert [(one.position, one.origin) for one in found] == [(FIRST_OF_PART_2 + n, f"m#{n}") for n in range(len(kinds))]
    reasons = {"empty": "neither subject nor body", "poison": "the model failed on it: ValueError"}
    for number, (kind, one) in enumerate(zip(kinds, found, strict=True)):
        if isinstance(one, Triaged):
            assert (kind, one.message_id, one.prediction.label, one.prediction.confidence) == (
                "good",
                str(number),
                "spam",
                0.75,
            )
        else:
            assert one.reason == reasons[kind]


def test_whole_messages_and_tables_with_other_names_are_read() -> None:
    rows = [message(1), {"text": "hello", "id": "<2@x>"}, {"mail": message(3)}]
    found = triaged(rows, 2, ["body=text", "message_id=id", "raw=mail"])
    assert [one.message_id for one in found if isinstance(one, Triaged)] == ["1@x", "<2@x>", "3@x"]


def test_what_breaks_the_parser_is_set_aside_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(mail: RawMail, names: Any) -> Any:
        raise RuntimeError(f"cannot read {mail.raw!r}")

    monkeypatch.setattr("apps.serving.batch.stretches.read_mail", broken)
    (one,) = triaged([b"a secret"], 1)
    assert one == SetAside(FIRST_OF_PART_2, "m#0", "it could not be read: RuntimeError")


@pytest.mark.parametrize("written", ["text", "body=", "label=Queue", "=text"])
def test_what_names_no_field_and_its_column_is_refused(written: str) -> None:
    with pytest.raises(DataError, match=f"--column {written}") as caught:
        read_columns([written])
    assert "body" in caught.value.hint
