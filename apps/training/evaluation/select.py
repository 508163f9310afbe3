"""Which of several families is taken: the simplest that the best does not beat by more than chance, on rows no fit had seen.

The holdout has no part in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.out_of_fold import OutOfFold
from libs.common.stats.clusters import bootstrap_groups, paired_gain
from libs.common.stats.metrics import Interval, accuracy, confusion, macro_f1

# From the cheapest to run to the dearest.
SIMPLEST_FIRST = ("tabular", "cascade", "transformer", "hybrid", "boosted")

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a family did out of fold; ``behind`` is what the best family has over it in macro-F1, paired."""

    family: str
    accuracy: Interval
    macro_f1: Interval
    behind: Interval


@dataclass(frozen=True, slots=True)
class Selection:
    """The families in the order of preference, the chosen one first, as judged on ``rows`` e-mails of ``groups`` groups."""

    rows: int
    groups: int
    standings: tuple[Standing, ...]

    @property
    def families(self) -> tuple[str, ...]:
        """Their names, the chosen one first."""
        return tuple(standing.family for standing in self.standings)


def select(answers: Mapping[str, OutOfFold], groups: Numbers, seed: int = 0) -> Selection:
    """Rank families by their answers to the same rows; ``groups`` (n,) numbers the rows that belong together.

    The best by macro-F1 gives way to the simplest that it does not beat by more than chance (paired bootstrap over groups,
    95 %), and so on for the places below. Without rows there is nothing but their simplicity to go by.
    """
    first, *others = answers.values()
    if any(not np.array_equal(first.rows, other.rows) for other in others):
        raise ValueError("families are compared on the same rows, these were judged on different ones")
    left, order = sorted(answers, key=_cost), list[str]()
    while left:
        order.append(_simplest_within_noise(left, answers, groups, seed))
        left.remove(order[-1])
    best = _best(order, answers)
    standings = tuple(_standing(family, answers[family], answers[best], groups, seed) for family in order)
    return Selection(len(first.rows), len(np.unique(groups)), standings)


def _simplest_within_noise(families: Sequence[str], answers: Mapping[str, OutOfFold], groups: Numbers, seed: int) -> str:
    """Of ``families``, the simplest first; the best is within noise of itself."""
    best = answers[_best(families, answers)]
    return next(family for family in families if _behind(answers[family], best, groups, seed).low <= 0)


def _best(families: Sequence[str], answers: Mapping[str, OutOfFold]) -> str:
    return max(families, key=lambda family: _macro_f1(answers[family]))


def _macro_f1(answers: OutOfFold) -> float:
    classes = answers.logits.shape[1]
    return float(macro_f1(confusion(answers.truth, answers.predicted, classes)))


def _behind(base: OutOfFold, best: OutOfFold, groups: Numbers, seed: int) -> Interval:
    return paired_gain(base.truth, base.predicted, best.predicted, base.logits.shape[1], macro_f1, seed, groups)


def _standing(family: str, answers: OutOfFold, best: OutOfFold, groups: Numbers, seed: int) -> Standing:
    given = (answers.truth, answers.predicted, answers.logits.shape[1])
    right, f1 = (bootstrap_groups(*given, statistic, seed, groups) for statistic in (accuracy, macro_f1))
    return Standing(family, right, f1, _behind(answers, best, groups, seed))


def _cost(family: str) -> int:
    return SIMPLEST_FIRST.index(family) if family in SIMPLEST_FIRST else len(SIMPLEST_FIRST)
