"""Near-duplicates: the mails of a campaign say almost the same. MinHash signatures (Broder 1997), found in bands. Pure.

A signature estimates the Jaccard similarity of two mails' word triples: the share of its places in which they agree.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from libs.common.features.cleaning import CleanEmail
from libs.common.features.extraction import MAX_CHARS, MAX_WORDS

ALIKE = 0.75
_PLACES, _BANDS = 64, 16
# Of fewer triples a shared greeting is a large part.
_FEWEST_TRIPLES = 12
_WORD = re.compile(r"\w+")
_DRAW = np.random.default_rng(20261124)
_FACTORS = _DRAW.integers(0, 2**31, _PLACES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
_OFFSETS = _DRAW.integers(0, 2**32, _PLACES, dtype=np.uint32)
_MIX, _SECOND, _THIRD = np.uint32(0x85EBCA6B), np.uint32(0x9E3779B1), np.uint32(0xC2B2AE35)

Hashes = NDArray[np.uint32]


def signature(cleaned: CleanEmail) -> bytes:
    """The MinHash of what the sender wrote: 64 numbers of 32 bits; empty where the text is too short to tell.

    Quoted text does not count: two answers to one mail are no campaign.
    """
    words = _WORD.findall(f"{cleaned.subject}\n{cleaned.text[:MAX_CHARS]}".lower())[:MAX_WORDS]
    if len(words) < _FEWEST_TRIPLES + 2:
        return b""
    hashes = np.fromiter((zlib.crc32(word.encode()) for word in words), dtype=np.uint32, count=len(words))
    triples = _mixed(hashes[:-2] + _mixed(hashes[1:-1]) * _SECOND + hashes[2:] * _THIRD)
    return (triples[:, None] * _FACTORS + _OFFSETS).min(axis=0).astype("<u4").tobytes()


def campaigns(signatures: Mapping[str, bytes]) -> tuple[tuple[str, ...], ...]:
    """Groups of two or more keys whose mails are alike, each in order and named once; independent of the order given.

    Mails of similarity 0.8 meet in some band with a chance of 0.9998.
    """
    keys = sorted(key for key, found in signatures.items() if found)
    if not keys:
        return ()
    table = np.frombuffer(b"".join(signatures[key] for key in keys), dtype="<u4").reshape(len(keys), _PLACES)
    group = np.arange(len(keys))

    def root(row: int) -> int:
        while group[row] != row:
            group[row] = group[group[row]]
            row = int(group[row])
        return row

    for first, others in chain.from_iterable(_neighbours(table, band) for band in np.split(np.arange(_PLACES), _BANDS)):
        for other in others:
            low, high = sorted((root(first), root(other)))
            group[high] = low
    members: dict[int, list[str]] = defaultdict(list)
    for row, key in enumerate(keys):
        members[root(row)].append(key)
    return tuple(tuple(found) for found in members.values() if len(found) > 1)


def _neighbours(table: Hashes, places: NDArray[np.int64]) -> Sequence[tuple[int, list[int]]]:
    """The first row of each bucket of one band, with those of the bucket that are alike to it."""
    _, bucket = np.unique(table[:, places], axis=0, return_inverse=True)
    order = np.argsort(bucket, kind="stable")
    cuts = np.flatnonzero(np.diff(bucket[order])) + 1
    found: list[tuple[int, list[int]]] = []
    for rows in np.split(order, cuts):
        if len(rows) > 1:
            shared = (table[rows[1:]] == table[rows[0]]).mean(axis=1)
            found.append((int(rows[0]), rows[1:][shared >= ALIKE].tolist()))
    return found


def _mixed(hashes: Hashes) -> Hashes:
    """CRC is linear; this spreads its bits (the finalizer of MurmurHash3)."""
    hashes = (hashes ^ (hashes >> np.uint32(16))) * _MIX
    hashes = (hashes ^ (hashes >> np.uint32(13))) * _THIRD
    return hashes ^ (hashes >> np.uint32(16))
