"""Many small segments of a past hour → one Parquet file, which says what it replaces. Safe to kill, and to run twice at once.

The file is put whole before a segment is deleted, and lies in the same hour: a reader that finds both takes each segment once.
"""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from libs.common.logs import get_logger
from libs.common.stores.objects import NoSuchObject, Objects
from libs.common.stores.predictions.columns import Segment, contents_of, write_segments
from libs.common.stores.predictions.lines import decode_lines
from libs.common.stores.predictions.names import CLOSED, COMPACTED, LONGEST, ROOT, compacted_key, hour_of, span_of

logger = get_logger("stores.predictions")

# An hour's last segment may be open for LONGEST, and a node that was away may ship later still: that makes a second file.
SETTLED_AFTER = timedelta(hours=1) + LONGEST


class Compacted(NamedTuple):
    """What was done: files written, segments that they replace, lines that could not be read and are in none of them."""

    files: int = 0
    segments: int = 0
    torn: int = 0


def compact(objects: Objects, model: str, now: datetime) -> Compacted:
    """Replace the segments of every hour of ``model`` that is over; those of a run that was killed are cleared away first."""
    keys = objects.list(f"{ROOT}/{model}/")
    hours = [(prefix, list(group)) for prefix, group in groupby(keys, key=lambda key: key[: key.rindex("/") + 1])]
    done = [_compact_hour(objects, prefix, keys) for prefix, keys in hours if _is_over(prefix, keys, now)]
    return Compacted(*(sum(column) for column in zip(Compacted(), *done, strict=True)))


def _is_over(prefix: str, keys: Sequence[str], now: datetime) -> bool:
    return any(key.endswith(CLOSED) and span_of(key) for key in keys) and hour_of(prefix) + SETTLED_AFTER <= now


def _compact_hour(objects: Objects, prefix: str, keys: Sequence[str]) -> Compacted:
    segments = [key for key in keys if key.endswith(CLOSED) and span_of(key)]
    try:
        replaced = {name for key in keys if key.endswith(COMPACTED) for name in contents_of(objects.get_bytes(key)).segments}
        fresh = [key for key in segments if _name(key) not in replaced]
        torn = _put(objects, prefix, fresh) if fresh else 0
    except NoSuchObject as error:
        logger.info("%s is being compacted or dropped by somebody else: %s", prefix, error.message)
        return Compacted()
    for key in segments:
        objects.delete(key)
    return Compacted(1 if fresh else 0, len(fresh), torn)


def _put(objects: Objects, prefix: str, keys: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="triage-compaction-") as folder:
        path = Path(folder) / "events"
        contents = write_segments(path, _segments(objects, keys))
        objects.put_file(compacted_key(prefix, [_name(key) for key in keys]), path)
    return contents.torn


def _segments(objects: Objects, keys: Sequence[str]) -> Iterator[Segment]:
    for key in keys:
        yield Segment(_name(key), *decode_lines(objects.get_bytes(key)))


def _name(key: str) -> str:
    return key.rpartition("/")[2]
