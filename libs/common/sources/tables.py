"""Reads mails from .parquet, .csv and .jsonl tables, in stretches of rows; here .parquet, and which is which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from pyarrow import parquet

from libs.common.sources import text_tables
from libs.common.sources.raw_mail import RawMail

SUFFIXES = (".parquet", *text_tables.SUFFIXES)
_BATCH_ROWS = 500
# A stretch costs a task of some 20 ms, a mail about one; fewer rows would not pay for it, more would leave cores idle.
_STRETCH_ROWS = 1000
# Rows before a stretch are decoded in vain, as far back as their row group begins: at most this many times a group.
_MOST_CUTS_A_GROUP = 16


@dataclass(frozen=True, slots=True)
class RowStretch:
    """``mails`` rows of a .parquet from number ``first`` on."""

    path: Path
    first: int
    mails: int

    def read(self) -> Iterator[RawMail]:
        """The rows as raw mails."""
        for number, columns in enumerate(self._rows(), start=self.first):
            yield RawMail(f"{self.path.name}#{number}", columns=columns)

    def _rows(self) -> Iterator[dict[str, Any]]:
        with text_tables.readable(self.path), parquet.ParquetFile(self.path) as file:
            end = self.first + self.mails
            groups, begin = _holding(_group_rows(file.metadata), self.first, end)
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups):
                wanted = batch[max(0, min(self.first - begin, len(batch))) : max(0, min(end - begin, len(batch)))]
                begin += len(batch)
                yield from wanted.to_pylist()
                if begin >= end:
                    return


def stretches_of(path: Path) -> Sequence[RowStretch | text_tables.TextStretch]:
    """A table cut into stretches that can be read side by side."""
    if path.suffix in text_tables.SUFFIXES:
        return tuple(text_tables.stretches_of(path))
    with text_tables.readable(path):
        metadata = parquet.read_metadata(path)
    return tuple(RowStretch(path, first, rows) for first, rows in _cut(_group_rows(metadata)))


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
    """The column names of a table; for .jsonl the keys of the first row."""
    if path.suffix in text_tables.SUFFIXES:
        return text_tables.columns_of(path)
    with text_tables.readable(path):
        return tuple(parquet.read_schema(path).names)
