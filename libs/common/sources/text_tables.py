"""Reads mails from .csv and .jsonl tables, in stretches of whole rows that tasks read side by side."""

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from csv import Error as CsvError
from csv import field_size_limit, reader
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv

from libs.common.errors import DataError
from libs.common.sources.raw_mail import RawMail

SUFFIXES = (".csv", ".jsonl")
_STRETCH_ROWS = 1000
_STRETCH_BYTES = 16 << 20
_PARSED = csv.ParseOptions(newlines_in_values=True)


@dataclass(frozen=True, slots=True)
class TextStretch:
    """``mails`` rows of a .csv or .jsonl from number ``first`` on, which stand in bytes ``begin`` to ``end``."""

    path: Path
    begin: int
    end: int
    first: int
    mails: int

    def read(self) -> Iterator[RawMail]:
        """The rows as raw mails."""
        with self.path.open("rb") as file:
            file.seek(self.begin)
            content = file.read(self.end - self.begin)
        rows = _csv_rows(self.path, content) if self.path.suffix == ".csv" else _json_rows(self.path, content, self.first)
        number = self.first
        for number, row in enumerate(rows, start=self.first + 1):
            yield RawMail(f"{self.path.name}#{number - 1}", columns=row)
        if number - self.first != self.mails:
            said = f"{self.path}: {number - self.first} rows where {self.mails} were counted, from row {self.first} on"
            raise DataError(said, "quote every cell that holds a quote, a comma or a line end")


def stretches_of(path: Path) -> Iterator[TextStretch]:
    """A table cut after rows, in stretches of a thousand rows or some megabytes."""
    with path.open("rb") as lines:
        ends = _csv_ends(path, lines) if path.suffix == ".csv" else _json_ends(lines)
        begin = next(ends, 0) if path.suffix == ".csv" else 0
        end, first, rows = begin, 0, 0
        for end in ends:
            rows += 1
            if rows >= _STRETCH_ROWS or end - begin >= _STRETCH_BYTES:
                yield TextStretch(path, begin, end, first, rows)
                begin, first, rows = end, first + rows, 0
        if rows:
            yield TextStretch(path, begin, end, first, rows)


def columns_of(path: Path) -> tuple[str, ...]:
    """The column names of a .csv; of a .jsonl the keys of its first row."""
    if path.suffix == ".csv":
        with readable(path), csv.open_csv(path, parse_options=_PARSED) as probe:
            return tuple(probe.schema.names)
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), None)
    return () if first is None else tuple(_json_row(path, 0, first))


@contextmanager
def readable(path: Path) -> Generator[None]:
    """What Arrow says of a table that it can't read, as one DataError."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise DataError(f"{path} cannot be read as {path.suffix}: {first_line}", "check that the file is whole") from error


def _csv_rows(path: Path, content: bytes) -> Iterator[dict[str, Any]]:
    names = columns_of(path)
    # Every cell as text: a label of 007 or a subject of "2025" must stay as it is written.
    kept = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""])
    # In one block: Arrow refuses a row that is longer than one.
    named = csv.ReadOptions(column_names=list(names), block_size=len(content) + 1)
    with readable(path), csv.open_csv(pa.BufferReader(content), named, _PARSED, kept) as batches:
        for batch in batches:
            yield from batch.to_pylist()


def _json_rows(path: Path, content: bytes, first: int) -> Iterator[dict[str, Any]]:
    lines = (line for line in content.split(b"\n") if line.strip())
    return (_json_row(path, number, line) for number, line in enumerate(lines, start=first))


def _json_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}: row {number} is no JSON: {error}", "write one JSON object a line") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}: row {number} is no object", "write one JSON object a line")
    return row


def _csv_ends(path: Path, lines: IO[bytes]) -> Iterator[int]:
    """Where each row ends, the header's first."""
    field_size_limit(sys.maxsize)
    try:
        # Only quotes, commas and line ends matter: any byte may stand for a character.
        for row in reader(line.decode("latin-1") for line in lines):
            if row:  # Arrow counts no empty line either
                yield lines.tell()
    except CsvError as error:
        raise DataError(f"{path} cannot be read as .csv: {error}", "end each row with a line feed") from error


def _json_ends(lines: IO[bytes]) -> Iterator[int]:
    return (lines.tell() for line in lines if line.strip())
