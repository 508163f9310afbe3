"""The files of a part: which e-mail got which label, and which were set aside and why. Never content."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from apps.serving.batch.plan import Manifest, Tally, part_name, quarantine_name
from libs.common.domain.triage import Prediction
from libs.common.stores.objects import Objects

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Triaged:
    """An e-mail that got its label; ``position`` orders the e-mails of a source."""

    position: int
    origin: str
    message_id: str
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class SetAside:
    """An e-mail that could not be read or answered, and why."""

    position: int
    origin: str
    reason: str


def write_part(out: Objects, manifest: Manifest, number: int, batches: Iterable[Sequence[Triaged | SetAside]]) -> Tally:
    """Write what came of a part: first what it set aside, then the part itself, whose name says that all of it is there."""
    from pyarrow import parquet

    labels: Counter[str] = Counter()
    aside: list[SetAside] = []
    content, schema = BytesIO(), part_schema(manifest.labels)
    with parquet.ParquetWriter(content, schema, compression="zstd") as writer:
        for batch in batches:
            triaged = [one for one in batch if isinstance(one, Triaged)]
            aside += (one for one in batch if isinstance(one, SetAside))
            labels.update(one.prediction.label for one in triaged)
            writer.write_batch(_rows(triaged, manifest, schema))
    if aside:
        out.put_bytes(quarantine_name(number), _quarantine(aside))
    out.put_bytes(part_name(number), content.getvalue())
    return _tally(number, labels, len(aside), content.getvalue())


def read_tally(out: Objects, number: int) -> Tally:
    """What came of a part that is there already."""
    from pyarrow import parquet

    content = out.get_bytes(part_name(number))
    column = parquet.read_table(BytesIO(content), columns=["label"])["label"]
    aside = quarantine_name(number)
    quarantined = parquet.read_metadata(BytesIO(out.get_bytes(aside))).num_rows if out.exists(aside) else 0
    return _tally(number, Counter[str](column.to_pylist()), quarantined, content)


def _tally(number: int, labels: Counter[str], quarantined: int, content: bytes) -> Tally:
    digest = hashlib.sha256(content).hexdigest()
    # In the order of the alphabet: a list of parts has the same bytes, whoever counted.
    return Tally(
        part=number, labels=dict(sorted(labels.items())), quarantined=quarantined, digest=digest, size_bytes=len(content)
    )


def part_schema(labels: Sequence[str]) -> "pa.Schema":
    """The columns of a part, for a model with these labels."""
    import pyarrow as pa

    name = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("position", pa.int64()),
            ("message_id", pa.string()),
            ("origin", pa.string()),
            ("label", pa.string()),
            ("confidence", pa.float64()),
            ("probabilities", pa.struct([(label, pa.float64()) for label in labels])),
            ("model", name),
            ("version", name),
            ("digest", name),
        ]
    )


def _rows(triaged: Sequence[Triaged], manifest: Manifest, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    columns: dict[str, list[Any]] = {
        "position": [one.position for one in triaged],
        "message_id": [one.message_id for one in triaged],
        "origin": [one.origin for one in triaged],
        "label": [one.prediction.label for one in triaged],
        "confidence": [one.prediction.confidence for one in triaged],
        "probabilities": [one.prediction.probabilities for one in triaged],
        "model": [manifest.model] * len(triaged),
        "version": [manifest.version] * len(triaged),
        "digest": [manifest.model_digest] * len(triaged),
    }
    return pa.RecordBatch.from_pydict(columns, schema=schema)


def _quarantine(aside: Sequence[SetAside]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("position", pa.int64()), ("origin", pa.string()), ("reason", pa.string())])
    rows = [{"position": one.position, "origin": one.origin, "reason": one.reason} for one in aside]
    content = BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema), content)
    return content.getvalue()
