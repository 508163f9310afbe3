"""What a comparison reads of a checked-out version: its columns, its rows by id, the features that drift is judged on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyarrow import parquet

from apps.training.examples import TABLE
from apps.training.rows import EMAIL_FIELDS, emails_of
from libs.common.domain.dataset import DatasetVersion
from libs.common.stats.drift import Sample

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


def read_features(folder: Path, at_most: int) -> dict[str, Sample]:
    """Each monitored feature of at most ``at_most`` e-mails, evenly spaced, in their order: feature → (n,)."""
    from libs.common.features.drift_features import monitored_features

    found: list[dict[str, float]] = []
    with parquet.ParquetFile(folder / TABLE) as file:
        step = max(1, -(-file.metadata.num_rows // at_most))
        start = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=[field.name for field in EMAIL_FIELDS]):
            table = batch.slice(-start % step)
            chosen = table.take(np.arange(0, table.num_rows, step))
            found += [monitored_features(email) for email in emails_of(chosen)]
            start += batch.num_rows
    return {name: np.asarray([row[name] for row in found], dtype=np.float64) for name in (found[0] if found else {})}
