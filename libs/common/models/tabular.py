"""A linear classifier over metadata and TF-IDF of words, pairs, the words of first and last lines, and runs of characters.

The fitted numbers travel as safetensors and JSON rather than as a scikit-learn object: plain arrays hold nothing to audit,
and a replica that reads them needs neither scikit-learn nor skops, which take 5 s and more to import (ADR 19).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import (
    CLOSING_LINES,
    EDGE_CHARS,
    EDGE_WORDS,
    METADATA,
    OPENING_LINES,
    edges,
    metadata,
    terms,
)
from libs.common.features.grams import BITS, LENGTHS, MAX_CHARS, grams
from libs.common.features.tfidf import counted, project, read_vocabulary, write_vocabulary
from libs.common.models.base import Probabilities, require_features
from libs.common.stats.calibration import softmax

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

ARRAYS = "weights.safetensors"

_FEATURES: dict[str, JsonValue] = {
    "metadata": list(METADATA),
    "edges": {"lines": [OPENING_LINES, CLOSING_LINES], "words": EDGE_WORDS, "chars": EDGE_CHARS},
    "gram": {"lengths": list(LENGTHS), "bits": BITS, "chars": MAX_CHARS},
}


@dataclass(frozen=True, slots=True)
class TabularWeights:
    """The fitted arrays, for v terms and edges, b buckets of grams, m metadata features and k labels.

    ``idf`` (v,) · ``terms`` (v, k) · ``gram_idf`` (b,) · ``grams`` (b, k) · ``bias`` (k,) · ``metadata`` (m, k) ·
    ``centre``, ``scale`` (m,).
    """

    idf: Array
    terms: Array
    gram_idf: Array
    grams: Array
    bias: Array
    metadata: Array
    centre: Array
    scale: Array


@dataclass(frozen=True)
class TabularClassifier:
    """A linear classifier over terms, edges, grams and metadata; ``vocabulary`` gives each term and edge its row."""

    family: ClassVar[str] = "tabular"

    labels: tuple[str, ...]
    vocabulary: dict[str, int]
    weights: TabularWeights
    temperature: float = 1.0

    @property
    def options(self) -> dict[str, JsonValue]:
        """The temperature, and what the features are, so that changed ones are never read as the old ones."""
        return {"temperature": self.temperature, **_FEATURES}

    @property
    def batch_size(self) -> int:
        """It takes e-mails one by one; a batch saves the turns of the event loop between them."""
        return 32

    @property
    def holds_interpreter(self) -> bool:
        """It is Python, around NumPy calls of some microseconds."""
        return True

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities."""
        return softmax(self.logits(emails), self.temperature)

    def logits(self, emails: Sequence[Email]) -> Floats:
        """(n, k) scores before the temperature."""
        scores = np.empty((len(emails), len(self.labels)), dtype=np.float64)
        for row, email in enumerate(emails):
            cleaned = clean(email)
            scores[row] = self._score_text(cleaned) + self._score_metadata(metadata(email, cleaned))
        return scores

    def _score_text(self, cleaned: CleanEmail) -> Floats:
        weights = self.weights
        words, ends = (
            project(*counted(found, self.vocabulary), weights.idf, weights.terms) for found in (terms(cleaned), edges(cleaned))
        )
        return words + ends + project(*grams(cleaned), weights.gram_idf, weights.grams) + weights.bias

    def _score_metadata(self, facts: list[float]) -> Array:
        weights = self.weights
        return standardise(np.asarray(facts, dtype=np.float32), weights.centre, weights.scale) @ weights.metadata

    def save(self, folder: Path) -> None:
        """Write the arrays and the vocabulary, its terms in the order of their rows."""
        from safetensors.numpy import save_file

        weights = self.weights
        arrays = {name: np.ascontiguousarray(getattr(weights, name)) for name in TabularWeights.__slots__}
        save_file(arrays, folder / ARRAYS)
        write_vocabulary(self.vocabulary, folder)


def standardise(facts: Array, centre: Array, scale: Array) -> Array:
    """Metadata centred and scaled, cut at ±4 deviations so that one odd mail cannot outvote its words."""
    return np.clip((facts - centre) / scale, -4, 4)


def load_tabular(folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int) -> TabularClassifier:
    """Read what ``save`` wrote; ``threads`` is not needed: it is Python, on one core."""
    from safetensors.numpy import load_file

    require_features(options, _FEATURES, folder)
    weights = TabularWeights(**load_file(folder / ARRAYS))
    return TabularClassifier(labels, read_vocabulary(folder), weights, float(cast("float", options["temperature"])))
