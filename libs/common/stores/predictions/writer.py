"""Appending events on a replica: one write() each, so that a SIGKILL after the reply loses nothing."""

import errno
import fcntl
import os
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from libs.common.domain.triage import PredictionEvent, PredictionSample
from libs.common.errors import StoreError
from libs.common.stores.predictions.lines import EventEncoder
from libs.common.stores.predictions.names import (
    LONGEST,
    OPEN,
    Span,
    closed_name,
    milliseconds,
    model_folder,
    replica_part,
)


@dataclass(slots=True)
class _Segment:
    """An open file. The lock on it says that its replica lives: the kernel drops it with the process, however it ends."""

    path: Path
    descriptor: int
    start_ms: int
    end_ms: int
    size: int = 0


class SegmentWriter:
    """The segments of one replica, one open at a time for each model. Safe for threads.

    A segment is closed when it is ``max_age`` old or ``max_bytes`` long; ``rotate`` closes those of a model without traffic.
    Where less than ``reserve_bytes`` are free it writes nothing: that room is for others.
    There is no fsync: what a killed process wrote is safe, the last seconds before a power cut are not. What a full disk
    took of a line is taken back, so that the segment stays whole and the next line finds its place as soon as there is room.
    """

    def __init__(
        self,
        folder: Path,
        replica: str,
        max_age: timedelta = timedelta(seconds=5),
        max_bytes: int = 4_000_000,
        reserve_bytes: int = 0,
    ) -> None:
        if not timedelta(0) < max_age <= LONGEST:
            raise StoreError(f"a segment cannot be open for {max_age}", f"write more than 0 and at most {LONGEST}")
        self._folder = folder
        # The token keeps a restarted replica of the same name from writing the same keys again.
        self._stem = f"{replica_part(replica)}-{secrets.token_hex(3)}"
        self._max_age_ms = int(max_age.total_seconds() * 1000)
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._numbers = count()
        self._encoder = EventEncoder()
        self._open: dict[str, _Segment] = {}
        self._lock = threading.Lock()

    def append(self, entry: PredictionEvent | PredictionSample) -> None:
        """Keep one event or sample; it is safe from a SIGKILL when this returns.

        StoreError when it was not written whole; one that has an OSError as its cause when that is the disk's fault.
        """
        line = self._encoder.encode(entry)
        at_ms = milliseconds(entry.at)
        with self._lock:
            try:
                self._add(entry.model, at_ms, line)
            except OSError as error:
                raise StoreError(f"{self._folder} cannot be written: {error.strerror}", "free space on the disk") from error

    def _add(self, model: str, at_ms: int, line: bytes) -> None:
        segment = self._segment_for(model, at_ms)
        if self._reserve_bytes and (free := _free_bytes(segment)) < self._reserve_bytes:
            raise OSError(errno.ENOSPC, f"{free} bytes are free, fewer than the {self._reserve_bytes} in reserve")
        if (written := os.write(segment.descriptor, line)) < len(line):
            self._take_back(model, segment)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes were written to {segment.path.name}")
        segment.start_ms, segment.end_ms = min(segment.start_ms, at_ms), max(segment.end_ms, at_ms)
        segment.size += written
        if segment.size >= self._max_bytes:
            self._close(model)

    def _take_back(self, model: str, segment: _Segment) -> None:
        """Cut a torn line off; where even that fails, nothing is ever written behind it."""
        try:
            os.ftruncate(segment.descriptor, segment.size)
        except OSError:
            self._close(model)
            raise

    def rotate(self, now: datetime) -> None:
        """Close every segment that is due, so that a quiet model's last events are shipped too."""
        with self._lock:
            for model, segment in list(self._open.items()):
                if self._is_due(segment, milliseconds(now)):
                    self._close(model)

    def close(self) -> None:
        """Close every segment; a later ``append`` opens new ones."""
        with self._lock:
            for model in list(self._open):
                self._close(model)

    def _segment_for(self, model: str, at_ms: int) -> _Segment:
        segment = self._open.get(model)
        if segment and self._is_due(segment, at_ms):
            self._close(model)
            segment = None
        return segment or self._begin(model, at_ms)

    def _is_due(self, segment: _Segment, at_ms: int) -> bool:
        return max(segment.end_ms, at_ms) - min(segment.start_ms, at_ms) >= self._max_age_ms

    def _begin(self, model: str, at_ms: int) -> _Segment:
        folder = model_folder(self._folder, model)
        folder.mkdir(parents=True, exist_ok=True)
        for number in self._numbers:
            path = folder / f"{self._stem}-{number:06d}{OPEN}"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)
            if claim(path, descriptor):
                self._open[model] = _Segment(path, descriptor, at_ms, at_ms)
                break
            os.close(descriptor)  # a shipping replica took it for an orphan in the instant before it was locked
        return self._open[model]

    def _close(self, model: str) -> None:
        segment = self._open.pop(model)
        try:
            if not segment.size:  # begun, and then there was no room
                segment.path.unlink(missing_ok=True)
                return
            name = closed_name(Span(segment.start_ms, segment.end_ms), segment.path.name)
            segment.path.rename(segment.path.with_name(name))
        finally:
            os.close(segment.descriptor)


def _free_bytes(segment: _Segment) -> int:
    found = os.fstatvfs(segment.descriptor)
    return found.f_bavail * found.f_frsize


def claim(path: Path, descriptor: int) -> bool:
    """Lock an open segment; False when a living process holds it, or it was shipped or renamed meanwhile."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
