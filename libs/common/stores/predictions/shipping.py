"""Moving closed segments to the object store, together with those that killed replicas left on this node."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from libs.common.logs import get_logger
from libs.common.stores.objects import Objects
from libs.common.stores.predictions.lines import moment_of
from libs.common.stores.predictions.names import (
    CLOSED,
    OPEN,
    ROOT,
    Span,
    closed_name,
    milliseconds,
    replica_part,
    segment_key,
    span_of,
)
from libs.common.stores.predictions.writer import claim

logger = get_logger("stores.predictions")


def ship_segments(folder: Path, objects: Objects, replica: str | None = None, root: str = ROOT) -> list[str]:
    """Ship what is closed below ``folder`` to keys below ``root``; the answer is the keys written.

    With ``replica`` only that replica's own segments; without, everybody's, and those of replicas that died are closed
    first. A segment is removed here only after it is whole over there, under a key that a second try writes again: nothing
    is lost and nothing doubled. Several processes may ship the same folder.
    """
    if replica is None:
        for path in sorted(folder.glob(f"*/*{OPEN}")):
            _adopt(path)
    pattern = f"*/*-*-{replica_part(replica)}-*{CLOSED}" if replica else f"*/*{CLOSED}"
    return [key for path in sorted(folder.glob(pattern)) if (key := _ship(path, objects, root))]


def _ship(path: Path, objects: Objects, root: str) -> str | None:
    span = span_of(path.name)
    with _claimed(path) as ours:
        if span is None or not ours:
            return None
        key = segment_key(path.parent.name, path.name, span, root)
        objects.put_file(key, path)
        path.unlink()
    return key


def _adopt(path: Path) -> None:
    """Close the segment of a replica that is gone. Every replica holds a lock on its open segment as long as it lives."""
    with _claimed(path) as ours:
        if not ours:
            return
        moments = [milliseconds(at) for line in path.read_bytes().splitlines() if (at := moment_of(line))]
        if not moments:
            logger.warning("removed %s: its replica was killed before it had written a whole event", path)
            path.unlink()
            return
        path.rename(path.with_name(closed_name(Span(min(moments), max(moments)), path.name)))


@contextmanager
def _claimed(path: Path) -> Generator[bool]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield claim(path, descriptor)
    finally:
        os.close(descriptor)
