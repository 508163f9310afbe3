"""Events as the rows of a Parquet file, segment by segment, and back. Nothing is lost on the way."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from libs.common.domain.triage import Escalated, Mirror, Outcome, PredictionEvent, Variant

if TYPE_CHECKING:
    import pyarrow as pa

_SEGMENTS, _TORN = b"triage.segments", b"triage.torn"
_BATCH_ROWS = 20_000
_SHARED = ("model", "version", "label")  # the same few words in every event: one object each in memory


class Segment(NamedTuple):
    """What was in one segment: its file name, its events in their order, and how many lines could not be read."""

    name: str
    events: tuple[PredictionEvent, ...]
    torn: int = 0


class Contents(NamedTuple):
    """What a file says of itself: the segments that it replaces, its events, and the torn lines that were left out."""

    segments: frozenset[str]
    events: int
    torn: int


def write_segments(path: Path, segments: Iterable[Segment]) -> Contents:
    """Write a file that replaces ``segments``; a batch of events is in memory at a time."""
    from pyarrow import parquet

    names: list[str] = []
    torn = events = 0
    with parquet.ParquetWriter(path, _schema(), compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for segment in segments:
            names.append(segment.name)
            torn, events = torn + segment.torn, events + len(segment.events)
            rows += [_row(segment.name, event) for event in segment.events]
            if len(rows) >= _BATCH_ROWS:
                writer.write_table(_table(rows))
                rows = []
        writer.write_table(_table(rows))
        writer.add_key_value_metadata({_SEGMENTS: json.dumps(names).encode(), _TORN: str(torn).encode()})
    return Contents(frozenset(names), events, torn)


def contents_of(content: bytes) -> Contents:
    """What a file replaces; its events are not read."""
    from pyarrow import parquet

    footer = parquet.read_metadata(BytesIO(content))
    said: dict[bytes, bytes] = footer.metadata
    return Contents(frozenset(json.loads(said[_SEGMENTS])), footer.num_rows, int(said[_TORN]))


def read_segments(content: bytes) -> Iterator[Segment]:
    """The segments of a file that hold events, one at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(BytesIO(content)) as file:
        rows = (row for batch in file.iter_batches(_BATCH_ROWS) for row in batch.to_pylist())
        for name, group in groupby(rows, key=lambda row: row["segment"]):
            yield Segment(name, tuple(_event(row) for row in group))


def _schema() -> "pa.Schema":
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        {
            "segment": word,
            "at": pa.timestamp("us", tz="UTC"),
            "request_id": pa.string(),
            **dict.fromkeys(("model", "version", "variant", "outcome", "label"), word),
            **dict.fromkeys(("candidate_weight", "latency_ms", "confidence"), pa.float64()),
            "features": pa.map_(pa.string(), pa.float64()),
            "mirror_label": word,
            "traffic_bucket": pa.int64(),
            "escalation": word,
            "mirror": word,
        }
    )


def _table(rows: Sequence[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=_schema())


def _row(segment: str, event: PredictionEvent) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in PredictionEvent.__dataclass_fields__}
    return {**fields, "segment": segment, "features": list(event.features.items())}


def _event(row: dict[str, Any]) -> PredictionEvent:
    del row["segment"]
    row["at"] = row["at"].astimezone(UTC)
    row["features"] = dict(row["features"])
    row["variant"], row["outcome"] = Variant(row["variant"]), Outcome(row["outcome"])
    row["escalation"], row["mirror"] = Escalated(row["escalation"]), Mirror(row["mirror"])
    for name in _SHARED:
        row[name] = sys.intern(row[name])
    return PredictionEvent(**row)
