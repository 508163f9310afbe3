"""Sublinear TF-IDF of one e-mail's terms, and the vocabulary file it rests on."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

VOCABULARY = "vocabulary.json"

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


def counted(found: Sequence[str], vocabulary: Mapping[str, int]) -> tuple[Numbers, Numbers]:
    """(t,) the rows that ``vocabulary`` gives the terms ``found``, and (t,) how often each was; the others are left out."""
    counts = Counter([vocabulary[term] for term in found if term in vocabulary])
    rows = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    return rows, np.fromiter(counts.values(), dtype=np.int64, count=len(counts))


def project(rows: Numbers, counts: Numbers, idf: Array, onto: Array) -> Floats:
    """(k,) the TF-IDF row of an e-mail, of length 1, times ``onto`` (v, k): it has ``counts`` of ``rows``, (t,) each."""
    return weigh(rows, counts, idf) @ onto[rows]


def weigh(rows: Numbers, counts: Numbers, idf: Array) -> Floats:
    """(t,) the TF-IDF of each of an e-mail's terms, of length 1 together, or 0 where no term says anything."""
    tfidf = (1 + np.log(counts)) * idf[rows]
    length = np.float64(np.sqrt(tfidf @ tfidf))
    return tfidf / (length or np.float64(1))


def write_vocabulary(vocabulary: Mapping[str, int], folder: Path) -> None:
    """Write the terms in the order of their rows."""
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / VOCABULARY).write_text(json.dumps(ordered, ensure_ascii=False), encoding="utf-8")


def read_vocabulary(folder: Path) -> dict[str, int]:
    """What ``write_vocabulary`` wrote."""
    ordered = cast("list[str]", json.loads((folder / VOCABULARY).read_text(encoding="utf-8")))
    return {term: row for row, term in enumerate(ordered)}
