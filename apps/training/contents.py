"""The files of a dataset version, written in one pass over the staged rows, and the digest of what they say."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from apps.training.rows import DATASET, QUARANTINE
from apps.training.split import Part
from libs.common.domain.dataset import QualityReport
from libs.common.stores.datasets import sha256_of

_BATCH_ROWS = 1000
# Part of every digest: changes with the meaning of the columns, so that old and new layouts never pass for each other.
_LAYOUT = "triage-dataset-1"
# Names of files and rows differ from place to place; what was said in the mail doesn't.
_NOT_CONTENT = frozenset({"source"})


@dataclass(frozen=True, slots=True)
class Contents:
    """SHA-256 of the rows, whatever their order and wherever they came from; and of each file."""

    digest: str
    files: dict[str, str]


def write_contents(
    staged: Path, folder: Path, parts: Mapping[int, Part], reasons: Mapping[int, str], quality: QualityReport
) -> Contents:
    """Write emails.parquet, quarantine.parquet and quality.json into the new ``folder``."""
    folder.mkdir(parents=True)
    digests: list[bytes] = []
    with (
        parquet.ParquetFile(staged) as rows,
        parquet.ParquetWriter(folder / "emails.parquet", DATASET, compression="zstd") as emails,
        parquet.ParquetWriter(folder / "quarantine.parquet", QUARANTINE, compression="zstd") as quarantine,
    ):
        for batch in rows.iter_batches(batch_size=_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            kept = _kept(table, parts)
            digests += [_row_digest(row) for row in kept.to_pylist()]
            emails.write_table(kept)
            quarantine.write_table(_set_aside(table, reasons))
    (folder / "quality.json").write_text(quality.model_dump_json(indent=2) + "\n", "utf-8")
    whole = hashlib.sha256(b"".join((_LAYOUT.encode(), *sorted(digests)))).hexdigest()
    return Contents(whole, {path.name: sha256_of(path) for path in sorted(folder.iterdir())})


def _kept(table: pa.Table, parts: Mapping[int, Part]) -> pa.Table:
    found = [parts.get(position) for position in table.column("position").to_pylist()]
    kept = table.filter(pa.array([part is not None for part in found], pa.bool_()))
    there = [part for part in found if part is not None]
    kept = kept.append_column("split", pa.array([str(part.split) for part in there], pa.string()))
    kept = kept.append_column("fold", pa.array([part.fold for part in there], pa.int8()))
    return kept.select(DATASET.names)


def _set_aside(table: pa.Table, reasons: Mapping[int, str]) -> pa.Table:
    found = [reasons.get(position) for position in table.column("position").to_pylist()]
    table = table.set_column(table.schema.get_field_index("reason"), "reason", pa.array(found, pa.string()))
    return table.filter(pa.array([reason is not None for reason in found], pa.bool_())).select(QUARANTINE.names)


def _row_digest(row: Mapping[str, Any]) -> bytes:
    content = {name: value for name, value in row.items() if name not in _NOT_CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()
