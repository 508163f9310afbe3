"""Reads mails from .parquet, .csv and .jsonl tables, in stretches of rows."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from libs.common.errors import DataError
from libs.common.sources.raw_mail import RawMail

SUFFIXES = (".parquet", ".csv", ".jsonl")
_BATCH_ROWS = 500
# A stretch costs a task of some 20 ms, a mail about one; fewer rows would not pay for it, more would leave cores idle.
_STRETCH_ROWS = 1000
# Rows before a stretch are decoded in vain, as far back as their row group begins: at most this many times a group.
_MOST_CUTS_A_GROUP = 16


@dataclass(frozen=True, slots=True)
class TableStretch:
    """``rows`` rows of a table from ``first`` on; a .csv or .jsonl is read whole."""

    path: Path
    first: int = 0
    rows: int = 0

    @property
    def mails(self) -> int | None:
        """One a row; what a .csv or .jsonl holds is not known before it is read."""
        return self.rows or None

    def read(self) -> Iterator[RawMail]:
        """The rows as raw mails."""
        found = self._parquet_rows() if self.path.suffix == ".parquet" else _text_rows(self.path)
        for number, columns in enumerate(found, start=self.first):
            yield RawMail(f"{self.path.name}#{number}", columns=columns)

    def _parquet_rows(self) -> Iterator[dict[str, Any]]:
        with _readable(self.path), parquet.ParquetFile(self.path) as file:
            end = self.first + self.rows
            groups, begin = _holding(_group_rows(file.metadata), self.first, end)
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups):
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
        metadata = parquet.read_metadata(path)
    return tuple(TableStretch(path, first, rows) for first, rows in _cut(_group_rows(metadata)))


def _group_rows(metadata: parquet.FileMetaData) -> list[int]:
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def _cut(groups: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first row, rows) of stretches: small row groups are joined, large ones cut."""
    rows, longest = sum(groups), max((*groups, 0))
    length = max(_STRETCH_ROWS, -(-longest // _MOST_CUTS_A_GROUP))
    return ((first, min(length, rows - first)) for first in range(0, rows, length))


def _holding(groups: Sequence[int], first: int, end: int) -> tuple[list[int], int]:
    """The row groups that hold rows ``first`` to ``end``, and the row that they begin with."""
    begins = list(accumulate(groups, initial=0))
    held = [number for number, (begin, after) in enumerate(pairwise(begins)) if begin < end and after > first]
    return held, begins[held[0]]


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
