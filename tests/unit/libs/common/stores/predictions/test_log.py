"""Reading windows: only the segments that overlap, each decoded once while it fits."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, ship_segments
from tests.unit.libs.common.stores.predictions.events import AT, EVER, MODEL, event


class Counting(LocalObjects):
    """Remembers which objects were read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []

    def get_bytes(self, key: str) -> bytes:
        self.read.append(key)
        return super().get_bytes(key)


@pytest.fixture
def objects(tmp_path: Path) -> Counting:
    """Sixty segments of one minute with three events each, from noon on, and one event of another model."""
    local = tmp_path / "local"
    writer = SegmentWriter(local, "r1", max_age=timedelta(minutes=1))
    for number in range(180):
        writer.append(event(number, minute(number / 3)))
    writer.append(event(999, model="email_summarizer"))
    writer.close()
    objects = Counting(tmp_path / "objects")
    ship_segments(local, objects)
    return objects


def minute(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def ids(log: PredictionLog, start: datetime, end: datetime, model: str = MODEL) -> list[int]:
    return sorted(int(found.request_id[1:]) for found in log.events(model, start, end))


def test_a_window_is_half_open_and_of_one_model(objects: Counting) -> None:
    log = PredictionLog(objects)
    assert ids(log, minute(10), minute(12)) == [30, 31, 32, 33, 34, 35]
    assert ids(log, minute(10) + timedelta(microseconds=1), minute(11) + timedelta(microseconds=1)) == [31, 32, 33]
    assert ids(log, *EVER) == list(range(180))
    assert ids(log, *EVER, model="email_summarizer") == [999]
    assert ids(log, *EVER, model="nobody") == []


def test_only_overlapping_segments_are_read(objects: Counting) -> None:
    ids(PredictionLog(objects), minute(10), minute(12))
    assert len(objects.read) == 2


def test_a_sliding_window_reads_each_segment_once(objects: Counting) -> None:
    log = PredictionLog(objects)
    for start in range(20):
        assert len(ids(log, minute(start), minute(start + 5))) == 15
    assert len(objects.read) == len(set(objects.read)) == 24


def test_the_memory_is_bounded_and_keeps_the_newest(objects: Counting) -> None:
    log = PredictionLog(objects, cached_events=30)
    ids(log, minute(0), minute(60))
    objects.read.clear()
    assert len(ids(log, minute(0), minute(60))) == 180
    assert len(objects.read) == 50, "ten segments of three events fit"
    objects.read.clear()
    ids(log, minute(50), minute(60))
    assert objects.read == []


def test_a_segment_shipped_between_two_reads_is_seen(objects: Counting, tmp_path: Path) -> None:
    log = PredictionLog(objects)
    before = ids(log, *EVER)
    late = SegmentWriter(tmp_path / "local", "r2")
    late.append(event(500, minute(3)))
    late.close()
    ship_segments(tmp_path / "local", objects)
    assert ids(log, *EVER) == [*before, 500]


def test_torn_lines_are_counted_once(objects: Counting) -> None:
    key = objects.list("predictions/")[0]
    objects.put_bytes(key, objects.get_bytes(key) + b'{"at": "20')
    log = PredictionLog(objects, cached_events=1)
    for _ in range(3):
        assert len(ids(log, *EVER)) == 180
    assert log.skipped == 1


def test_old_segments_are_deleted_whole(objects: Counting) -> None:
    log = PredictionLog(objects)
    assert log.delete_before(MODEL, minute(10) + timedelta(seconds=30)) == 10
    assert ids(log, *EVER) == list(range(30, 180))
    assert ids(log, *EVER, model="email_summarizer") == [999]
