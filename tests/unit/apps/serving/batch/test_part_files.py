"""What lies in the files of a part, and that a part is there only when all of it is."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from pyarrow import parquet

from apps.serving.batch.part_files import SetAside, Triaged, read_tally, write_part
from apps.serving.batch.plan import Tally, parts_among, quarantine_name
from libs.common.domain.triage import Prediction
from libs.common.stores.objects import LocalObjects
from tests.unit.apps.serving.batch.test_plan import manifest


def answer(position: int, label: str) -> Triaged:
    return Triaged(position, f"m#{position}", f"<{position}@x>", Prediction(label, 0.75, {label: 0.75, "other": 0.25}))


BATCHES = [[answer(0, "spam"), SetAside(1, "m#1", "neither subject nor body")], [answer(2, "work")], [answer(3, "spam")]]
PLAN = manifest(labels=("spam", "work", "other"))


def test_a_part_says_who_answered_what_and_nothing_of_the_content(tmp_path: Path) -> None:
    tally = write_part(LocalObjects(tmp_path), PLAN, 7, BATCHES)
    content = (tmp_path / "part-000007.parquet").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    counted = {"part": 7, "labels": {"spam": 2, "work": 1}, "quarantined": 1}
    assert tally == Tally(**counted, digest=digest, size_bytes=len(content))
    rows = parquet.read_table(tmp_path / "part-000007.parquet").to_pylist()
    assert [row["label"] for row in rows] == ["spam", "work", "spam"]
    assert rows[1] == {
        "position": 2,
        "message_id": "<2@x>",
        "origin": "m#2",
        "label": "work",
        "confidence": 0.75,
        "probabilities": {"spam": None, "work": 0.75, "other": 0.25},
        "model": "email_classifier",
        "version": "3",
        "digest": "b" * 64,
    }
    aside = parquet.read_table(tmp_path / "_quarantine" / "part-000007.parquet").to_pylist()
    assert aside == [{"position": 1, "origin": "m#1", "reason": "neither subject nor body"}]


def test_what_was_counted_at_writing_is_counted_at_reading(tmp_path: Path) -> None:
    out = LocalObjects(tmp_path)
    assert write_part(out, PLAN, 0, BATCHES) == read_tally(out, 0)
    assert write_part(out, PLAN, 1, [[answer(0, "work")]]) == read_tally(out, 1)
    assert not out.exists(quarantine_name(1)), "who sets nothing aside writes no quarantine"
    empty = write_part(out, PLAN, 2, [])
    assert empty == read_tally(out, 2)
    assert (empty.labels, empty.mails) == ({}, 0)


def test_the_same_part_has_the_same_bytes(tmp_path: Path) -> None:
    once, again = LocalObjects(tmp_path / "once"), LocalObjects(tmp_path / "again")
    for out in (once, again):
        write_part(out, PLAN, 0, BATCHES)
    assert len(once.list()) == 2
    assert [once.get_bytes(name) for name in once.list()] == [again.get_bytes(name) for name in again.list()]


class Dying(LocalObjects):
    """Dies before it writes a part; what was written before that stays."""

    def put_bytes(self, key: str, content: bytes) -> None:
        if parts_among([key]):
            raise KeyboardInterrupt
        super().put_bytes(key, content)


def test_a_part_is_not_there_before_its_quarantine_is(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_part(Dying(tmp_path), PLAN, 0, BATCHES)
    out = LocalObjects(tmp_path)
    assert out.list() == [quarantine_name(0)]
    assert parts_among(out.list("part-")) == frozenset()
    write_part(out, PLAN, 0, BATCHES)
    assert parquet.read_metadata(BytesIO(out.get_bytes(quarantine_name(0)))).num_rows == 1
