"""What each feature of an e-mail adds to a linear classifier's answer, exactly."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from libs.common.domain.triage import Email
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import METADATA, edges, metadata, terms
from libs.common.features.grams import grams, runs
from libs.common.features.tfidf import counted, weigh
from libs.common.models.tabular import TabularClassifier, standardise

Floats = NDArray[np.float64]

Kind = Literal["word", "pair", "subject", "opening", "closing", "characters", "fact", "attachments", "bias"]


class Reason(NamedTuple):
    """What of an e-mail speaks for its label (``weight`` above 0) or against it."""

    kind: Kind
    name: str
    weight: float


def attribute(classifier: TabularClassifier, email: Email, column: int) -> list[Reason]:
    """What speaks for the label in ``column``: their weights sum up to the label's `margin`.

    The weight of a feature of value v is v · (w[label] - mean of w over the other labels) / temperature. The runs of
    characters are told by the words they lie in: a run's weight is shared evenly by its characters.
    """
    cleaned, weights = clean(email), classifier.weights
    towards = np.full(len(classifier.labels), -1 / max(len(classifier.labels) - 1, 1))
    towards[column] = 1.0
    towards /= classifier.temperature
    facts = standardise(np.asarray(metadata(email, cleaned), dtype=np.float32), weights.centre, weights.scale)
    added = facts * (weights.metadata @ towards)
    return [
        Reason("bias", "", float(weights.bias @ towards)),
        *_terms(classifier, terms(cleaned), towards),
        *_terms(classifier, edges(cleaned), towards),
        *_characters(classifier, cleaned, towards),
        *(Reason("fact", name, weight) for name, weight in zip(METADATA, added.tolist(), strict=True)),
    ]


def _terms(classifier: TabularClassifier, found: list[str], towards: Floats) -> Iterator[Reason]:
    weights = classifier.weights
    names = {classifier.vocabulary[term]: term for term in found if term in classifier.vocabulary}
    rows, counts = counted(found, classifier.vocabulary)
    added = weigh(rows, counts, weights.idf) * (weights.terms[rows] @ towards)
    for row, weight in zip(rows.tolist(), added.tolist(), strict=True):
        place, _, word = names[row].rpartition(":")
        yield Reason(cast("Kind", place) or ("pair" if " " in word else "word"), word, weight)


def _characters(classifier: TabularClassifier, cleaned: CleanEmail, towards: Floats) -> Iterator[Reason]:
    text, found = runs(cleaned)
    buckets, counts = grams(cleaned)
    weights = classifier.weights
    each = weigh(buckets, counts, weights.gram_idf) * (weights.grams[buckets] @ towards) / counts
    shares = np.zeros(len(text))
    for length, at in found.items():
        share = each[np.searchsorted(buckets, at)] / length
        for place in range(length):
            shares[place : place + len(share)] += share
    words: dict[str, float] = {}
    # A word's part begins with the space before it; the last space of all is left to the last word.
    begins = [0, *(at for at, sign in enumerate(text[:-1]) if sign == " " and at)]
    for word, weight in zip(text.split() or [""], np.add.reduceat(shares, begins).tolist(), strict=True):
        words[word] = words.get(word, 0.0) + weight
    for word, weight in words.items():
        yield Reason("characters", word, weight)
