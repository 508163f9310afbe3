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


def project(found: Sequence[str], vocabulary: Mapping[str, int], idf: Array, onto: Array) -> Floats:
    """(k,) the TF-IDF row of ``found``, of length 1, times ``onto`` (v, k); ``vocabulary`` gives each term its row."""
    counts = Counter(vocabulary[term] for term in found if term in vocabulary)
    if not counts:
        return np.zeros(onto.shape[1])
    rows = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    values = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
    tfidf = (1 + np.log(values)) * idf[rows]
    return (tfidf / np.sqrt(tfidf @ tfidf)) @ onto[rows]


def write_vocabulary(vocabulary: Mapping[str, int], folder: Path) -> None:
    """Write the terms in the order of their rows."""
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / VOCABULARY).write_text(json.dumps(ordered, ensure_ascii=False), encoding="utf-8")


def read_vocabulary(folder: Path) -> dict[str, int]:
    """What ``write_vocabulary`` wrote."""
    ordered = cast("list[str]", json.loads((folder / VOCABULARY).read_text(encoding="utf-8")))
    return {term: row for row, term in enumerate(ordered)}
