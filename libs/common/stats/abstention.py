"""When a classifier should rather not answer: risk against coverage, and the confidence that keeps a promised precision.

Geifman & El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.common.stats.intervals import exact_lower_bound

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Coverages that are tried: each costs the bound a twentieth of its error.
_TRIED = 20


@dataclass(frozen=True, slots=True)
class Abstention:
    """Answer only at ``threshold`` confidence or more: the share answered, the precision seen there, and its lower bound."""

    threshold: float
    coverage: float
    precision: float
    precision_low: float


def risk_coverage(confidence: Floats, right: Flags) -> tuple[Floats, Floats]:
    """(m,) coverages, ascending, and (m,) shares of wrong answers among them, one pair a threshold that can be set."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    # Equal confidences are answered together.
    last = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    return (answered / max(len(order), 1))[last], (np.cumsum(~right[order]) / answered)[last]


def abstention(confidence: Floats, right: Flags, target: float, level: float = 0.95) -> Abstention | None:
    """The lowest threshold at which precision is at least ``target`` with probability ``level``; None where none is.

    The bound is Clopper and Pearson's, and holds for all 20 coverages tried at once (Bonferroni), so that choosing among
    them on the same rows costs nothing.
    """
    ordered = np.sort(confidence)[::-1]
    places = sorted({round(len(ordered) * step / _TRIED) for step in range(1, _TRIED + 1)} - {0}, reverse=True)
    for place in places:
        answered = confidence >= ordered[place - 1]
        found, count = int(right[answered].sum()), int(answered.sum())
        low = exact_lower_bound(found, count, 1 - (1 - level) / _TRIED)
        if low >= target:
            return Abstention(float(ordered[place - 1]), count / len(ordered), found / count, low)
    return None
