"""How segments are named: while open, once closed, and in the object store. The time range is in the name."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from libs.common.errors import StoreError

ROOT = "predictions"
SAMPLES = "samples"
LONGEST = timedelta(hours=1)  # no segment spans more, so a reader need only look one hour back
OPEN = ".open"
CLOSED = ".jsonl"
COMPACTED = ".parquet"

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CLOSED_NAME = re.compile(r"(\d{13})-(\d{13})-(.+)\.(?:jsonl|parquet)")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")


class Span(NamedTuple):
    """The first and the last moment of a segment's events, in milliseconds since 1970."""

    start_ms: int
    end_ms: int

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether an event of it may lie in ``start`` ≤ at < ``end``."""
        return self.start_ms < end.timestamp() * 1000 and self.end_ms >= milliseconds(start)


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return int(at.timestamp() * 1000)


def model_folder(folder: Path, model: str) -> Path:
    """Where a model's segments lie before they are shipped; StoreError for a name that is no file name."""
    if not _MODEL.fullmatch(model):
        raise StoreError(f"'{model}' is no model name for the prediction log", "write letters, digits, '_', '-' and '.'")
    return folder / model


def replica_part(replica: str) -> str:
    """A replica's id as it stands in file names."""
    return _UNSAFE.sub("_", replica)


def closed_name(span: Span, open_name: str) -> str:
    """``<start ms>-<end ms>-<replica>-<token>-<number>.jsonl``."""
    return f"{span.start_ms:013d}-{span.end_ms:013d}-{open_name.removesuffix(OPEN)}{CLOSED}"


def span_of(name: str) -> Span | None:
    """The time range in the file name or key of a closed segment, or of what replaced some; None for any other name."""
    match = _CLOSED_NAME.fullmatch(name.rpartition("/")[2])
    return Span(int(match[1]), int(match[2])) if match else None


def segment_key(model: str, name: str, span: Span, root: str = ROOT) -> str:
    """The object key: by model, day and hour of the first event."""
    first = datetime.fromtimestamp(span.start_ms / 1000, UTC)
    return f"{root}/{model}/{first:%Y%m%d/%H}/{name}"


def compacted_key(prefix: str, names: Sequence[str]) -> str:
    """The key, in the same hour, of what replaces segments of these names: the same names, the same key."""
    spans = [span for name in names if (span := span_of(name))]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    return f"{prefix}{min(spans).start_ms:013d}-{max(span.end_ms for span in spans):013d}-{digest}{COMPACTED}"


def hour_of(prefix: str) -> datetime:
    """When the hour began whose segments have keys with this prefix: ``predictions/<model>/20260301/12/``."""
    return datetime.strptime("/".join(prefix.rstrip("/").rsplit("/", 2)[1:]), "%Y%m%d/%H").replace(tzinfo=UTC)


def prefixes(model: str, start: datetime, end: datetime) -> Iterator[str]:
    """The key prefixes that hold every segment overlapping the window: hours for up to a day, else whole days."""
    by_hour = end - start <= timedelta(days=1)
    step = timedelta(hours=1) if by_hour else timedelta(days=1)
    moment = (start - LONGEST).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    moment = moment if by_hour else moment.replace(hour=0)
    while moment < end:
        yield f"{ROOT}/{model}/{moment:%Y%m%d/%H}/" if by_hour else f"{ROOT}/{model}/{moment:%Y%m%d}/"
        moment += step
