"""Two lines of one mirrored request → one event."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from libs.common.domain.triage import Mirror, PredictionEvent


def settled(events: Iterable[PredictionEvent]) -> Iterator[PredictionEvent]:
    """One event a request, in any order of its lines: the one with the mirrored answer, else the first, at the end.

    Both lines of a request have the same moment, so that a window holds both or none.
    """
    awaited: dict[tuple[str, datetime], PredictionEvent] = {}
    early: set[tuple[str, datetime]] = set()
    for event in events:
        line = event.request_id, event.at
        if event.mirror is Mirror.AWAITED:
            if line in early:
                early.discard(line)
            else:
                awaited[line] = event
            continue
        if event.mirror is Mirror.ANSWERED and awaited.pop(line, None) is None:
            early.add(line)
        yield event
    yield from awaited.values()
