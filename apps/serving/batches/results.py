"""What came of a batch: its parts with their digests, and each as Parquet or as JSON lines."""

from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import ClassVar

import orjson

from apps.serving.batch.plan import PARTS, PartList, part_name, quarantine_name
from apps.serving.batches.keeping import result_of
from libs.common.domain.batch import Batch, BatchState
from libs.common.domain.value import Value
from libs.common.errors import ServingError
from libs.common.stores.objects import Objects

_ROWS = 500


class NotThereYet(ServingError):
    """The batch has not succeeded."""

    status: ClassVar[int] = 409


class PartNotFound(ServingError):
    """The result has no such part."""

    status: ClassVar[int] = 404


class ResultPart(Value):
    """One part: how many e-mails got a label, how many were set aside, and the size and SHA-256 of its Parquet file."""

    part: int
    mails: int
    quarantined: int
    size_bytes: int
    digest: str


class Result(Value):
    """All that came of a batch; ``labels`` counts e-mails."""

    id: str
    version: str
    labels: dict[str, int]
    quarantined: int
    parts: tuple[ResultPart, ...]


def read_result(objects: Objects, batch: Batch) -> Result:
    """The result of a batch; NotThereYet before it has succeeded."""
    if batch.state is not BatchState.SUCCEEDED:
        raise NotThereYet(f"the batch is {batch.state}", f"GET /v1/batch/{batch.id} until it has succeeded")
    tallies = PartList.model_validate_json(objects.get_bytes(f"{result_of(batch.id)}/{PARTS}")).parts
    labels: Counter[str] = Counter()
    for tally in tallies:
        labels.update(tally.labels)
    parts = tuple(
        ResultPart(
            part=tally.part,
            mails=sum(tally.labels.values()),
            quarantined=tally.quarantined,
            size_bytes=tally.size_bytes,
            digest=tally.digest,
        )
        for tally in tallies
    )
    quarantined = sum(part.quarantined for part in parts)
    return Result(id=batch.id, version=batch.version, labels=dict(labels.most_common()), quarantined=quarantined, parts=parts)


def read_part(objects: Objects, batch: Batch, number: int, quarantine: bool = False) -> bytes:
    """The Parquet file of a part, or of what it set aside; PartNotFound where there is none."""
    parts = {part.part: part for part in read_result(objects, batch).parts}
    if number not in parts or (quarantine and not parts[number].quarantined):
        raise PartNotFound(f"the batch has no such part: {number}", f"GET /v1/batch/{batch.id}/result lists them")
    name = quarantine_name(number) if quarantine else part_name(number)
    return objects.get_bytes(f"{result_of(batch.id)}/{name}")


def json_lines(content: bytes) -> Iterator[bytes]:
    """The rows of a Parquet file, one JSON object a line, some at a time."""
    from pyarrow import parquet

    for batch in parquet.ParquetFile(BytesIO(content)).iter_batches(batch_size=_ROWS):
        yield b"".join(orjson.dumps(row) + b"\n" for row in batch.to_pylist())
