"""Reading the prediction log from the object store."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from libs.common.domain.triage import PredictionEvent
from libs.common.errors import StoreError
from libs.common.stores.objects import NoSuchObject, Objects
from libs.common.stores.predictions.columns import Segment, contents_of, read_segments
from libs.common.stores.predictions.lines import decode_lines
from libs.common.stores.predictions.mirrors import settled
from libs.common.stores.predictions.names import COMPACTED, ROOT, milliseconds, prefixes, span_of

# Housekeeping takes an hour's segments away once, and may follow with a late one's.
_TRIES = 10


def delete_segments(objects: Objects, root: str, model: str, moment: datetime) -> int:
    """Delete every segment below ``root`` whose last line is older than ``moment``; the answer is how many there were."""
    limit_ms = milliseconds(moment)
    old = [key for key in objects.list(f"{root}/{model}/") if (span := span_of(key)) and span.end_ms < limit_ms]
    # What replaces segments goes last: a segment that it outlived must not be read again.
    for key in sorted(old, key=lambda key: key.endswith(COMPACTED)):
        objects.delete(key)
    return len(old)


class PredictionLog:
    """Every shipped event, compacted or not. Files never change, so the newest stay decoded, up to ``cached_events`` events.

    A loop that asks for a sliding window each second thus reads only what is new. 100 000 events take about 100 MB.
    ``skipped`` counts the torn lines found so far. For one thread.
    """

    def __init__(self, objects: Objects, cached_events: int = 100_000) -> None:
        self._objects = objects
        self._room = cached_events
        self._cache: dict[str, tuple[Segment, ...]] = {}
        self._torn: dict[str, int] = {}
        self._cached = 0

    @property
    def skipped(self) -> int:
        """How many lines could not be read, over all segments read so far."""
        return sum(self._torn.values())

    def events(self, model: str, start: datetime, end: datetime) -> Iterator[PredictionEvent]:
        """The events with ``start`` ≤ at < ``end``, segment by segment: in order within a replica, not across replicas.

        What is mirrored and not answered comes last.
        """
        found = (event for prefix in prefixes(model, start, end) for event in self._below(prefix, start, end))
        return settled(event for event in found if start <= event.at < end)

    def delete_before(self, model: str, moment: datetime) -> int:
        """Delete every segment whose last event is older than ``moment``; the answer is how many there were."""
        return delete_segments(self._objects, ROOT, model, moment)

    def _below(self, prefix: str, start: datetime, end: datetime) -> Iterator[PredictionEvent]:
        """Each segment once, wherever its events lie: also while they are being compacted, and are found twice."""
        given: set[str] = set()
        for _ in range(_TRIES):
            keys = [key for key in self._objects.list(prefix) if (span := span_of(key)) and span.overlaps(start, end)]
            try:
                # What was compacted first: it tells which segments need not be read.
                for key in sorted(keys, key=lambda key: not key.endswith(COMPACTED)):
                    for segment in self._read(key, given):
                        yield from segment.events
                return
            except NoSuchObject:
                continue  # its events are in another file by now, or past their retention
        raise StoreError(f"{prefix} changes faster than it can be read", "see that one housekeeping runs at a time")

    def _read(self, key: str, given: set[str]) -> Iterator[Segment]:
        """The segments in one file that were not ``given`` yet; they count as given as soon as they are."""
        if not key.endswith(COMPACTED) and key.rpartition("/")[2] in given:
            return
        for segment in self._cache.get(key) or self._fetch(key):
            if segment.name not in given:
                given.add(segment.name)
                yield segment

    def _fetch(self, key: str) -> Iterable[Segment]:
        content = self._objects.get_bytes(key)
        if not key.endswith(COMPACTED):
            events, torn = decode_lines(content)
            return self._remember(key, (Segment(key.rpartition("/")[2], events, torn),), torn)
        told = contents_of(content)
        if told.events > self._room:  # more than is kept: as it comes
            self._torn[key] = told.torn
            return read_segments(content)
        return self._remember(key, tuple(read_segments(content)), told.torn)

    def _remember(self, key: str, segments: tuple[Segment, ...], torn: int) -> tuple[Segment, ...]:
        # The oldest goes first, not the least used: a sweep over more than fits would otherwise push out all it needs next.
        self._torn[key] = torn
        self._cache[key] = segments
        self._cached += _count(segments)
        while self._cached > self._room:
            oldest = min(self._cache, key=lambda cached: cached.rpartition("/")[2])
            self._cached -= _count(self._cache.pop(oldest))
        return segments


def _count(segments: Iterable[Segment]) -> int:
    return sum(len(segment.events) for segment in segments)
