"""Runs of three and four characters of an e-mail, as numbers of a hash: what is left of a word bent, joined or misspelt.

They need no vocabulary, and one pass over the characters as numbers finds them.
"""

import numpy as np
from numpy.typing import NDArray

from libs.common.features.cleaning import CleanEmail

LENGTHS = (3, 4)
BITS = 17
BUCKETS = 1 << BITS
# Beyond them a mail has said what it is, and they bound what a long one costs.
MAX_CHARS = 4_000

# The prime of the 64-bit FNV hash, and 2⁶⁴ over the golden ratio (Knuth, The Art of Computer Programming, 6.4).
_PRIME = np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Numbers = NDArray[np.int64]


def grams(cleaned: CleanEmail) -> tuple[Numbers, Numbers]:
    """(g,) the buckets of the runs of an e-mail, ascending, each below `BUCKETS`, and (g,) how often each is there."""
    _, found = runs(cleaned)
    buckets, counts = np.unique(np.concatenate(list(found.values())), return_counts=True)
    return buckets, counts.astype(np.int64)


def runs(cleaned: CleanEmail) -> tuple[str, dict[int, Numbers]]:
    """The text that is read, its words apart by one space, and by length the bucket of the run at each of its characters."""
    text = f" {' '.join(cleaned.whole[:MAX_CHARS].lower().split())} "
    signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    return text, {length: _hashed(signs, length) for length in LENGTHS}


def _hashed(signs: NDArray[np.uint64], length: int) -> Numbers:
    """The bucket of every run of so many characters; none where the text is shorter."""
    runs = max(len(signs) - length + 1, 0)
    found = np.zeros(runs, dtype=np.uint64)
    for place in range(length):
        found = found * _PRIME + signs[place : place + runs]
    found = (found ^ (found >> np.uint64(29))) * _GOLDEN
    return (found >> np.uint64(64 - BITS)).astype(np.int64)
