"""Which of several candidates is best: the most accurate, unless a simpler one is as good within the noise."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.training.evaluation.evaluate import Evaluation
from libs.common.stats.metrics import Interval, macro_f1, paired_gain

# From the cheapest to run to the dearest.
SIMPLEST_FIRST = ("tabular", "transformer", "boosted")


@dataclass(frozen=True)
class Candidate:
    """A family and how it did; all candidates of one choice were judged on the same rows in the same order."""

    family: str
    evaluation: Evaluation


def rank(candidates: Sequence[Candidate], seed: int = 0) -> list[Candidate]:
    """Best first: a dearer family must beat each simpler one in macro-F1 by more than chance (paired bootstrap, 95 %)."""
    ranked: list[Candidate] = []
    for candidate in sorted(candidates, key=_cost):
        place = next((at for at, other in enumerate(ranked) if gain(other, candidate, seed).low > 0), len(ranked))
        ranked.insert(place, candidate)
    return ranked


def gain(base: Candidate, other: Candidate, seed: int = 0) -> Interval:
    """How much macro-F1 ``other`` has over ``base``."""
    first, second = base.evaluation, other.evaluation
    return paired_gain(first.truth, first.predicted, second.predicted, len(first.classes), macro_f1, seed)


def _cost(candidate: Candidate) -> int:
    family = candidate.family
    return SIMPLEST_FIRST.index(family) if family in SIMPLEST_FIRST else len(SIMPLEST_FIRST)
