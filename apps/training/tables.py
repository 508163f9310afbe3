"""Reads mails from .parquet, .csv and .jsonl tables, in stretches of rows."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from apps.training.corpora import RawMail
from libs.common.errors import DataError

SUFFIXES = (".parquet", ".csv", ".jsonl")
_BATCH_ROWS = 500
# A stretch costs a task of some 20 ms; fewer rows would not pay for it, more would leave cores idle.
_STRETCH_ROWS = 2000


@dataclass(frozen=True, slots=True)
class TableStretch:
    """``rows`` rows of a table from ``first`` on; a .csv or .jsonl is read whole."""

    path: Path
    first: int = 0
    rows: int = 0

    def read(self) -> Iterator[RawMail]:
        """The rows as raw mails."""
        found = self._parquet_rows() if self.path.suffix == ".parquet" else _text_rows(self.path)
        for number, columns in enumerate(found, start=self.first):
            yield RawMail(f"{self.path.name}#{number}", columns=columns)

    def _parquet_rows(self) -> Iterator[dict[str, Any]]:
        with _readable(self.path), parquet.ParquetFile(self.path) as file:
            begin, end = 0, self.first + self.rows
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                wanted = batch[max(0, min(self.first - begin, len(batch))) : max(0, min(end - begin, len(batch)))]
                begin += len(batch)
                yield from wanted.to_pylist()
                if begin >= end:
                    return


def stretches_of(path: Path) -> tuple[TableStretch, ...]:
    """A table cut into stretches that can be read side by side."""
    if path.suffix != ".parquet":
        return (TableStretch(path),)
    with _readable(path):
        rows = parquet.read_metadata(path).num_rows
    return tuple(TableStretch(path, first, min(_STRETCH_ROWS, rows - first)) for first in range(0, rows, _STRETCH_ROWS))


def columns_of(path: Path) -> tuple[str, ...]:
    """The column names of a table; for .jsonl the keys of the first line."""
    with _readable(path):
        if path.suffix == ".parquet":
            return tuple(parquet.read_schema(path).names)
        return tuple(next(_text_rows(path), {}))


def _text_rows(path: Path) -> Iterator[dict[str, Any]]:
    return _csv_rows(path) if path.suffix == ".csv" else _json_rows(path)


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    with _readable(path):
        # Every cell as text: a label of 007 or a subject of "2025" must stay as it is written.
        parsed = csv.ParseOptions(newlines_in_values=True)
        with csv.open_csv(path, parse_options=parsed) as probe:
            names = probe.schema.names
        columns = dict.fromkeys(names, pa.string())
        kept = csv.ConvertOptions(column_types=columns, strings_can_be_null=True, null_values=[""])
        with csv.open_csv(path, convert_options=kept, parse_options=parsed) as batches:
            for batch in batches:
                yield from batch.to_pylist()


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}: line {number} is no JSON: {error}", "write one JSON object a line") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}: line {number} is no object", "write one JSON object a line")
            yield row


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise DataError(f"{path} cannot be read as {path.suffix}: {first_line}", "check that the file is whole") from error
