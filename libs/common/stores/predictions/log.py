"""Reading the prediction log from the object store."""

from collections.abc import Iterator
from datetime import datetime

from libs.common.domain.triage import PredictionEvent
from libs.common.stores.objects import Objects
from libs.common.stores.predictions.lines import decode
from libs.common.stores.predictions.mirrors import settled
from libs.common.stores.predictions.names import ROOT, milliseconds, prefixes, span_of


def delete_segments(objects: Objects, root: str, model: str, moment: datetime) -> int:
    """Delete every segment below ``root`` whose last line is older than ``moment``; the answer is how many there were."""
    limit_ms = milliseconds(moment)
    old = [key for key in objects.list(f"{root}/{model}/") if (span := span_of(key)) and span.end_ms < limit_ms]
    for key in old:
        objects.delete(key)
    return len(old)


class PredictionLog:
    """Every shipped event. Segments never change, so the newest stay decoded, up to ``cached_events`` events.

    A loop that asks for a sliding window each second thus reads only what is new. 100 000 events take about 100 MB.
    ``skipped`` counts the torn lines found so far. For one thread.
    """

    def __init__(self, objects: Objects, cached_events: int = 100_000) -> None:
        self._objects = objects
        self._room = cached_events
        self._cache: dict[str, tuple[PredictionEvent, ...]] = {}
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
        found = (event for key in self._segments(model, start, end) for event in self._read(key))
        return settled(event for event in found if start <= event.at < end)

    def delete_before(self, model: str, moment: datetime) -> int:
        """Delete every segment whose last event is older than ``moment``; the answer is how many there were."""
        return delete_segments(self._objects, ROOT, model, moment)

    def _segments(self, model: str, start: datetime, end: datetime) -> list[str]:
        keys = (key for prefix in prefixes(model, start, end) for key in self._objects.list(prefix))
        return [key for key in keys if (span := span_of(key)) and span.overlaps(start, end)]

    def _read(self, key: str) -> tuple[PredictionEvent, ...]:
        if key in self._cache:
            return self._cache[key]
        lines = self._objects.get_bytes(key).splitlines()
        events = tuple(event for line in lines if (event := decode(line)))
        if len(events) < len(lines):
            self._torn[key] = len(lines) - len(events)
        self._remember(key, events)
        return events

    def _remember(self, key: str, events: tuple[PredictionEvent, ...]) -> None:
        # The oldest goes first, not the least used: a sweep over more than fits would otherwise push out all it needs next.
        self._cache[key] = events
        self._cached += len(events)
        while self._cached > self._room:
            oldest = min(self._cache, key=lambda cached: cached.rpartition("/")[2])
            self._cached -= len(self._cache.pop(oldest))
