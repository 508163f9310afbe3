"""The files of a dataset version, written in one pass over the staged rows, and the digest of what they say."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from apps.training.datasets.rows import DATASET, QUARANTINE, TABLE
from apps.training.datasets.split import Part
from apps.training.datasets.validate import Candidate
from libs.common.domain.dataset import QualityReport
from libs.common.stores.datasets import sha256_of

_BATCH_ROWS = 1000
# Part of every digest: changes with the meaning of the columns, so that old and new layouts never pass for each other.
_LAYOUT = "triage-dataset-2"
# Names of files and rows differ from place to place; what was said in the mail doesn't.
_NOT_CONTENT = frozenset({"source"})


@dataclass(frozen=True, slots=True)
class Contents:
    """SHA-256 of the rows, whatever their order and wherever they came from; and of each file."""

    digest: str
    files: dict[str, str]


def write_contents(
    staged: Path,
    folder: Path,
    rows: Sequence[Candidate],
    parts: Mapping[int, Part],
    reasons: Mapping[int, str],
    quality: QualityReport,
) -> Contents:
    """Write emails.parquet (``rows`` in their ``parts``), quarantine.parquet and quality.json into ``folder``.

    The digests of files are of all that lies in it then.
    """
    digests: list[bytes] = []
    judged = {row.position: row for row in rows}
    with (
        parquet.ParquetFile(staged) as file,
        parquet.ParquetWriter(folder / TABLE, DATASET, compression="zstd") as emails,
        parquet.ParquetWriter(folder / "quarantine.parquet", QUARANTINE, compression="zstd") as quarantine,
    ):
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            table = pa.Table.from_batches([batch])
            kept = _kept(table, judged, parts)
            digests += [row_digest(row) for row in kept.to_pylist()]
            emails.write_table(kept)
            quarantine.write_table(_set_aside(table, reasons))
    (folder / "quality.json").write_text(quality.model_dump_json(indent=2) + "\n", "utf-8")
    return Contents(digest_of(digests), {path.name: sha256_of(path) for path in sorted(folder.iterdir())})


def digest_of(rows: Iterable[bytes]) -> str:
    """The digest of a version from those of its rows, in any order."""
    return hashlib.sha256(b"".join((_LAYOUT.encode(), *sorted(rows)))).hexdigest()


def row_digest(row: Mapping[str, Any]) -> bytes:
    """SHA-256 of what one row of emails.parquet says."""
    content = {name: value for name, value in row.items() if name not in _NOT_CONTENT}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).digest()


def _kept(table: pa.Table, judged: Mapping[int, Candidate], parts: Mapping[int, Part]) -> pa.Table:
    positions = table.column("position").to_pylist()
    table = table.filter(pa.array([position in judged for position in positions], pa.bool_()))
    rows = [judged[position] for position in table.column("position").to_pylist()]
    added = {
        "flaws": [row.flaws for row in rows],
        "quality": [row.quality for row in rows],
        "split": [str(parts[row.position].split) for row in rows],
        "fold": [parts[row.position].fold for row in rows],
    }
    table = table.drop_columns(["flaws"])
    for name, values in added.items():
        table = table.append_column(DATASET.field(name), pa.array(values, DATASET.field(name).type))
    return table.select(DATASET.names)


def _set_aside(table: pa.Table, reasons: Mapping[int, str]) -> pa.Table:
    found = [reasons.get(position) for position in table.column("position").to_pylist()]
    table = table.set_column(table.schema.get_field_index("reason"), "reason", pa.array(found, pa.string()))
    return table.filter(pa.array([reason is not None for reason in found], pa.bool_())).select(QUARANTINE.names)
