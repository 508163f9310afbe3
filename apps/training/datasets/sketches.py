"""What is kept of each mail for the checks across mails: small, fixed-size hashes in place of its text. Pure."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.near_duplicates import signature
from libs.common.features.cleaning import CleanEmail
from libs.common.features.extraction import MAX_CHARS

# A vocabulary of a million words fills them once over; counts of some groups of mails stay below 50 MB, whatever the corpus.
BUCKETS = 2**20
_SHORTEST_LINE = 20
_WORD = re.compile(r"\w\w+")

Buckets = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Sketch:
    """The MinHash of a mail, and the buckets of its distinct words and longer lines."""

    signature: bytes
    words: bytes
    lines: bytes


def sketch(cleaned: CleanEmail) -> Sketch:
    """The sketch of one mail."""
    lines = (line for line in cleaned.text[:MAX_CHARS].split("\n") if len(line) >= _SHORTEST_LINE)
    return Sketch(signature(cleaned), _hashed(words_of(cleaned)), _hashed(set(lines)))


def words_of(cleaned: CleanEmail) -> set[str]:
    """The distinct words that a model may read, in lower case."""
    return set(_WORD.findall(cleaned.whole[: 2 * MAX_CHARS].lower()))


def bucket_of(text: str) -> int:
    """Where a word or line is counted."""
    return zlib.crc32(text.encode()) % BUCKETS


def read_buckets(packed: bytes) -> Buckets:
    """The distinct buckets of a sketch."""
    return np.frombuffer(packed, dtype="<u4")


def _hashed(texts: Iterable[str]) -> bytes:
    hashes = np.fromiter((zlib.crc32(text.encode()) for text in texts), dtype="<u4")
    return np.unique(hashes % BUCKETS).astype("<u4").tobytes()
