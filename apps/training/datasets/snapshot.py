"""What a comparison reads of a checked-out version: its columns, and its rows by id."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyarrow import parquet

from apps.training.datasets.rows import TABLE
from libs.common.domain.dataset import DatasetVersion

_BATCH_ROWS = 1000


@dataclass(frozen=True)
class Snapshot:
    """A version, its columns with their types, and the label and split of each row by its ``row_id``."""

    version: DatasetVersion
    columns: Mapping[str, str]
    labels: Mapping[str, str]
    splits: Mapping[str, str]


def read_snapshot(folder: Path, version: DatasetVersion) -> Snapshot:
    """The snapshot of a version that was checked out to ``folder``."""
    schema = parquet.read_schema(folder / TABLE)
    rows = parquet.read_table(folder / TABLE, columns=["row_id", "label", "split"])
    ids, labels, splits = (rows.column(name).to_pylist() for name in ("row_id", "label", "split"))
    return Snapshot(
        version=version,
        columns={field.name: str(field.type) for field in schema},
        labels=dict(zip(ids, labels, strict=True)),
        splits=dict(zip(ids, splits, strict=True)),
    )
