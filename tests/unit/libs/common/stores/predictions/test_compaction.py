"""Compacted or not, killed or not, alone or not: a reader sees each event once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import PredictionEvent
from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, compact, ship_segments
from libs.common.stores.predictions.columns import Segment, contents_of, read_segments, write_segments
from libs.common.stores.predictions.compaction import Compacted
from libs.common.stores.predictions.names import COMPACTED
from tests.unit.libs.common.stores.predictions.events import AT, EVER, MODEL, event
from tests.unit.libs.common.stores.predictions.test_lines import events

LATER = AT + timedelta(days=1)


class Mortal(LocalObjects):
    """Dies at its n-th change, before or after it is made."""

    changes_left = 10**9

    def put_file(self, key: str, path: Path) -> None:
        self._change(lambda: LocalObjects.put_file(self, key, path))

    def delete(self, key: str) -> None:
        self._change(lambda: LocalObjects.delete(self, key))

    def _change(self, change: Callable[[], None]) -> None:
        if self.changes_left < 0:
            raise KeyboardInterrupt
        change()
        self.changes_left -= 1
        if self.changes_left == 0:
            self.changes_left = -1
            raise KeyboardInterrupt


def minute(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def write(objects: LocalObjects, local: Path, replica: str, numbers: range) -> None:
    """One event a minute, in segments of five minutes."""
    writer = SegmentWriter(local, replica, max_age=timedelta(minutes=5))
    for number in numbers:
        writer.append(event(number, minute(number)))
    writer.close()
    ship_segments(local, objects)


@pytest.fixture
def objects(tmp_path: Path) -> Mortal:
    """Two hours of events."""
    objects = Mortal(tmp_path / "objects")
    write(objects, tmp_path / "local", "r1", range(120))
    return objects


def ids(log: PredictionLog, start: datetime = EVER[0], end: datetime = EVER[1]) -> list[int]:
    return sorted(int(found.request_id[1:]) for found in log.events(MODEL, start, end))


def endings(objects: LocalObjects) -> set[str]:
    return {key.rpartition(".")[2] for key in objects.list("predictions/")}


def test_past_hours_become_a_file_each_and_read_the_same(objects: Mortal) -> None:
    before = list(PredictionLog(objects).events(MODEL, *EVER))
    assert compact(objects, MODEL, LATER) == Compacted(files=2, segments=24, torn=0)
    assert [key.rsplit("/", 2)[1] for key in objects.list("predictions/")] == ["12", "13"]
    assert endings(objects) == {"parquet"}
    assert list(PredictionLog(objects).events(MODEL, *EVER)) == before
    assert ids(PredictionLog(objects), minute(50), minute(70)) == list(range(50, 70))
    assert compact(objects, MODEL, LATER) == Compacted()


def test_an_hour_that_is_not_over_is_left_alone(objects: Mortal) -> None:
    assert compact(objects, MODEL, minute(119)).files == 0
    assert compact(objects, MODEL, minute(120)).files == 1
    assert endings(objects) == {"parquet", "jsonl"}
    assert ids(PredictionLog(objects)) == list(range(120))


@pytest.mark.parametrize("changes", range(1, 27))
def test_a_run_that_is_killed_at_any_change_loses_and_doubles_nothing(objects: Mortal, changes: int) -> None:
    objects.changes_left = changes
    with pytest.raises(KeyboardInterrupt):
        compact(objects, MODEL, LATER)
    assert ids(PredictionLog(objects)) == list(range(120))
    objects.changes_left = 10**9
    compact(objects, MODEL, LATER)
    assert ids(PredictionLog(objects)) == list(range(120))
    assert (endings(objects), len(objects.list("predictions/"))) == ({"parquet"}, 2)


@pytest.mark.parametrize("after", range(0, 120, 7))
def test_a_reader_that_is_overtaken_sees_each_event_once(objects: Mortal, after: int) -> None:
    reading = PredictionLog(objects).events(MODEL, *EVER)
    seen = [next(reading) for _ in range(after)]
    compact(objects, MODEL, LATER)
    seen += reading
    assert sorted(int(found.request_id[1:]) for found in seen) == list(range(120))


def test_two_runs_at_once_leave_files_that_overlap_and_are_read_once(objects: Mortal, tmp_path: Path) -> None:
    slow = Mortal(Path(objects.uri))
    slow.changes_left = 1
    with pytest.raises(KeyboardInterrupt):
        compact(slow, MODEL, LATER)
    (first,) = [key for key in objects.list("predictions/") if key.endswith(COMPACTED)]
    kept = objects.get_bytes(first)
    objects.delete(first)
    write(objects, tmp_path / "late", "r2", range(30, 31))
    compact(objects, MODEL, LATER)
    objects.put_bytes(first, kept)  # the slow one's arrives last
    assert len([key for key in objects.list("predictions/") if "/12/" in key]) == 2
    assert ids(PredictionLog(objects)) == sorted([*range(120), 30])


def test_what_is_shipped_late_is_compacted_into_a_second_file(objects: Mortal, tmp_path: Path) -> None:
    compact(objects, MODEL, LATER)
    write(objects, tmp_path / "late", "r2", range(200, 201))
    write(objects, tmp_path / "later", "r3", range(10, 11))
    assert compact(objects, MODEL, LATER) == Compacted(files=2, segments=2, torn=0)
    assert ids(PredictionLog(objects)) == sorted([*range(120), 10, 200])


def test_torn_lines_are_counted_and_left_out(objects: Mortal) -> None:
    first, *_, last = objects.list("predictions/")
    objects.put_bytes(first, objects.get_bytes(first) + b'{"at": "20')
    objects.put_bytes(last, b"\0" * 100)
    assert compact(objects, MODEL, LATER).torn == 2
    log = PredictionLog(objects)
    for _ in range(2):
        assert ids(log) == list(range(115))
    assert log.skipped == 2


def test_retention_takes_what_was_compacted(objects: Mortal) -> None:
    compact(objects, MODEL, LATER)
    log = PredictionLog(objects)
    assert log.delete_before(MODEL, minute(59)) == 0
    assert log.delete_before(MODEL, minute(61)) == 1
    assert ids(log) == list(range(60, 120))


def test_more_than_the_memory_holds_is_read_as_it_comes(objects: Mortal) -> None:
    compact(objects, MODEL, LATER)
    log = PredictionLog(objects, cached_events=10)
    for _ in range(2):
        assert ids(log) == list(range(120))


def test_the_files_are_smaller_than_the_segments(objects: Mortal, tmp_path: Path) -> None:
    write(objects, tmp_path / "local", "r9", range(1000, 1060))
    lines = sum(len(objects.get_bytes(key)) for key in objects.list("predictions/"))
    compact(objects, MODEL, minute(2000))
    assert sum(len(objects.get_bytes(key)) for key in objects.list("predictions/")) < lines


@given(st.lists(st.lists(events, max_size=4), max_size=4))
def test_whatever_the_events_they_come_back_the_same(lists: list[list[PredictionEvent]]) -> None:
    import tempfile

    segments = [Segment(f"s{number}", tuple(each)) for number, each in enumerate(lists)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write_segments(path, (segment._replace(torn=1) for segment in segments))
        content = path.read_bytes()
    assert list(read_segments(content)) == [segment for segment in segments if segment.events]
    told = contents_of(content)
    assert told.segments == {segment.name for segment in segments}
    assert (told.events, told.torn) == (sum(map(len, lists)), len(lists))
