"""Segments reach the object store whole and once, also those of the dead and after failures."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from libs.common.errors import StoreError
from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import SAMPLES, PredictionLog, SegmentWriter, delete_segments, ship_segments
from libs.common.stores.predictions.lines import EventEncoder
from tests.unit.libs.common.stores.predictions.events import AT, EVER, MODEL, event, sample


class Flaky(LocalObjects):
    """Loses the answer of the first put: the object is there, the caller is told that it failed."""

    failed = False

    def put_file(self, key: str, path: Path) -> None:
        super().put_file(key, path)
        if not self.failed:
            self.failed = True
            raise StoreError("the connection broke after the last byte")


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "local"


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "objects")


@pytest.fixture
def writer(local: Path) -> Iterator[SegmentWriter]:
    writer = SegmentWriter(local, "r1")
    yield writer
    writer.close()


def shipped(objects: LocalObjects) -> list[str]:
    return sorted(found.request_id for found in PredictionLog(objects).events(MODEL, *EVER))


def leave_orphan(local: Path, content: bytes) -> Path:
    """The file that a killed replica leaves: open by name, locked by nobody."""
    path = local / MODEL / "dead-a1b2c3-000000.open"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_closed_segments_are_shipped_and_removed(local: Path, objects: LocalObjects, writer: SegmentWriter) -> None:
    writer.append(event(1))
    writer.close()
    assert ship_segments(local, objects) == objects.list("predictions/")
    assert shipped(objects) == ["r1"]
    assert list(local.rglob("*.*")) == []
    assert ship_segments(local, objects) == []


def test_the_open_segment_of_a_living_replica_is_left_alone(local: Path, objects: LocalObjects, writer: SegmentWriter) -> None:
    writer.append(event(1))
    assert ship_segments(local, objects) == []
    writer.append(event(2))
    writer.close()
    ship_segments(local, objects)
    assert shipped(objects) == ["r1", "r2"]


def test_a_dead_replicas_segment_is_adopted_and_its_torn_line_counted(local: Path, objects: LocalObjects) -> None:
    lines = b"".join(EventEncoder().encode(event(number)) for number in range(3))
    orphan = leave_orphan(local, lines[:-30])
    (key,) = ship_segments(local, objects)
    assert "-dead-a1b2c3-000000.jsonl" in key
    assert not orphan.exists()
    log = PredictionLog(objects)
    assert [found.request_id for found in log.events(MODEL, *EVER)] == ["r0", "r1"]
    assert log.skipped == 1


@pytest.mark.parametrize("content", [b"", b'{"at": "2026-03'])
def test_an_orphan_without_a_whole_event_is_removed_and_said(
    local: Path, objects: LocalObjects, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    orphan = leave_orphan(local, content)
    assert ship_segments(local, objects) == []
    assert not orphan.exists()
    assert "killed before it had written a whole event" in caplog.text


def test_a_replica_may_ship_only_its_own(local: Path, objects: LocalObjects, writer: SegmentWriter) -> None:
    other = SegmentWriter(local, "r10")
    for each, number in ((writer, 1), (other, 2)):
        each.append(event(number))
        each.close()
    leave_orphan(local, EventEncoder().encode(event(3)))
    ship_segments(local, objects, replica="r1")
    assert shipped(objects) == ["r1"]
    ship_segments(local, objects)
    assert shipped(objects) == ["r1", "r2", "r3"]


def test_shipping_again_after_a_lost_answer_doubles_nothing(local: Path, tmp_path: Path, writer: SegmentWriter) -> None:
    objects = Flaky(tmp_path / "objects")
    writer.append(event(1))
    writer.close()
    with pytest.raises(StoreError, match="connection broke"):
        ship_segments(local, objects)
    assert len(list(local.rglob("*.jsonl"))) == 1
    ship_segments(local, objects)
    assert shipped(objects) == ["r1"]
    assert list(local.rglob("*.jsonl")) == []


def test_a_segment_that_another_process_ships_is_skipped(local: Path, objects: LocalObjects, writer: SegmentWriter) -> None:
    import fcntl

    writer.append(event(1))
    writer.close()
    (path,) = local.rglob("*.jsonl")
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert ship_segments(local, objects) == []
    os.close(descriptor)
    assert len(ship_segments(local, objects)) == 1


def test_samples_go_the_same_way_below_a_root_of_their_own(local: Path, objects: LocalObjects) -> None:
    samples = SegmentWriter(local, "r1")
    samples.append(sample(1))
    samples.append(sample(2, AT - timedelta(days=1)))
    samples.close()
    leave_orphan(local, EventEncoder().encode(sample(3)))
    keys = ship_segments(local, objects, root=SAMPLES)
    assert [key.split("/")[:2] for key in keys] == [["samples", MODEL]] * 3
    found = [orjson.loads(line)["request_id"] for key in keys for line in objects.get_bytes(key).splitlines()]
    assert sorted(found) == ["r1", "r2", "r3"]
    assert shipped(objects) == []
    assert delete_segments(objects, SAMPLES, MODEL, AT) == 1
    assert len(objects.list("samples/")) == 2


def test_a_folder_that_does_not_exist_yet_holds_nothing(tmp_path: Path, objects: LocalObjects) -> None:
    assert ship_segments(tmp_path / "nowhere", objects) == []


def test_a_strange_file_is_left_where_it_is(local: Path, objects: LocalObjects) -> None:
    strange = local / MODEL / "notes.jsonl"
    strange.parent.mkdir(parents=True)
    strange.write_text("mine")
    assert ship_segments(local, objects) == []
    assert strange.read_text() == "mine"
