"""Segments: when they are closed, how they are named, and what happens when the disk is full."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.errors import StoreError
from libs.common.stores.predictions.lines import decode
from libs.common.stores.predictions.names import LONGEST, Span, milliseconds, span_of
from libs.common.stores.predictions.writer import SegmentWriter
from tests.unit.libs.common.stores.predictions.events import AT, MODEL, event


def closed(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.jsonl"))


def still_open(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.open"))


def read(path: Path) -> list[str]:
    return [found.request_id for line in path.read_bytes().splitlines() if (found := decode(line))]


def test_an_event_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1")
    for number in range(3):
        writer.append(event(number))
        assert read(still_open(tmp_path)[0]) == [f"r{n}" for n in range(number + 1)]
    writer.close()


def test_a_segment_is_closed_when_it_is_old(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1", max_age=timedelta(seconds=5))
    for second in (0, 4, 5, 6):
        writer.append(event(second, AT + timedelta(seconds=second)))
    (first,) = closed(tmp_path)
    assert read(first) == ["r0", "r4"]
    assert span_of(first.name) == Span(milliseconds(AT), milliseconds(AT) + 4000)
    writer.close()
    assert [read(path) for path in closed(tmp_path)] == [["r0", "r4"], ["r5", "r6"]]
    assert still_open(tmp_path) == []


def test_a_segment_is_closed_when_it_is_long(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1", max_bytes=1)
    for number in range(3):
        writer.append(event(number))
    assert sorted(read(path)[0] for path in closed(tmp_path)) == ["r0", "r1", "r2"]


def test_rotate_closes_the_segment_of_a_quiet_model_and_no_other(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1", max_age=timedelta(seconds=5))
    writer.append(event(1))
    writer.append(event(2, AT + timedelta(seconds=3), model="email_summarizer"))
    writer.rotate(AT + timedelta(seconds=4.9))
    assert closed(tmp_path) == []
    writer.rotate(AT + timedelta(seconds=5))
    assert [path.parent.name for path in closed(tmp_path)] == [MODEL]
    assert [path.parent.name for path in still_open(tmp_path)] == ["email_summarizer"]
    writer.close()


def test_the_name_covers_events_that_came_out_of_order(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1")
    for second in (2, 0, 1):
        writer.append(event(second, AT + timedelta(seconds=second)))
    writer.close()
    assert span_of(closed(tmp_path)[0].name) == Span(milliseconds(AT), milliseconds(AT) + 2000)


def test_threads_never_mix_their_lines(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1", max_bytes=2000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: writer.append(event(number)), range(400)))
    writer.close()
    found = [request_id for path in closed(tmp_path) for request_id in read(path)]
    assert sorted(found) == sorted(f"r{number}" for number in range(400))


def test_two_lives_of_one_replica_name_never_share_a_file(tmp_path: Path) -> None:
    for _ in range(2):
        writer = SegmentWriter(tmp_path, "r1")
        writer.append(event())
        writer.close()
    assert len(closed(tmp_path)) == 2


def test_a_full_disk_is_an_error_and_the_next_event_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SegmentWriter(tmp_path, "r1")
    writer.append(event(1))
    real = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, line: real(descriptor, line[:20]))
        with pytest.raises(StoreError, match="only 20 of"):
            writer.append(event(2))
    writer.append(event(3))
    writer.close()
    (path,) = closed(tmp_path)
    assert path.read_bytes().count(b"\n") == 2, "the torn line was taken back"
    assert read(path) == ["r1", "r3"]


def test_behind_a_torn_line_that_cannot_be_taken_back_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int, length: int) -> None:
        raise OSError(5, "Input/output error")

    writer = SegmentWriter(tmp_path, "r1")
    writer.append(event(1))
    real = os.write
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda descriptor, line: real(descriptor, line[:20]))
        broken.setattr(os, "ftruncate", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            writer.append(event(2))
    writer.append(event(3))
    writer.close()
    assert sorted(read(path) for path in closed(tmp_path)) == [["r1"], ["r3"]]


def test_a_segment_that_found_no_room_for_one_line_is_removed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "r1", reserve_bytes=2**62)
    with pytest.raises(StoreError, match="bytes are free, fewer than the"):
        writer.append(event(1))
    writer.close()
    assert closed(tmp_path) == still_open(tmp_path) == []


def test_a_write_that_fails_is_a_store_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, line: bytes) -> int:
        raise OSError(28, "No space left on device")

    writer = SegmentWriter(tmp_path, "r1")
    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(StoreError, match=r"cannot be written: No space left on device"):
        writer.append(event())
    writer.close()


@pytest.mark.parametrize("model", ["", "..", "a/b", ".hidden", "a b"])
def test_a_model_name_that_is_no_folder_name_is_refused(tmp_path: Path, model: str) -> None:
    with pytest.raises(StoreError, match="is no model name"):
        SegmentWriter(tmp_path, "r1").append(event(model=model))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("age", [timedelta(0), LONGEST + timedelta(seconds=1)])
def test_an_age_that_readers_do_not_reckon_with_is_refused(tmp_path: Path, age: timedelta) -> None:
    with pytest.raises(StoreError, match="a segment cannot be open for"):
        SegmentWriter(tmp_path, "r1", max_age=age)
