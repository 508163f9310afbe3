"""How good a classifier is: accuracy, figures by class, their macro and weighted averages, and bootstrap intervals.

Everything is a function of the confusion matrix, so that a resampled set of rows is one multinomial draw of its cells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Statistic = Callable[[Counts], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the bounds between which it lies at the stated level."""

    value: float
    low: float
    high: float


def confusion(truth: Counts, predicted: Counts, classes: int) -> Counts:
    """Rows by (true class, predicted class), shape (classes, classes), from two (n,) arrays of class numbers."""
    cells = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def accuracy(counts: Counts) -> Floats:
    """The share of rows on the diagonal; (..., k, k) → (...)."""
    return _divide(_diagonal(counts).sum(-1), counts.sum((-2, -1)))


def recall_by_class(counts: Counts) -> Floats:
    """Of the rows of each class, the share found; 0 where a class has none; (..., k, k) → (..., k)."""
    return _divide(_diagonal(counts), counts.sum(-1))


def precision_by_class(counts: Counts) -> Floats:
    """Of the rows given each class, the share that belong there; 0 where none was; (..., k, k) → (..., k)."""
    return _divide(_diagonal(counts), counts.sum(-2))


def f1_by_class(counts: Counts) -> Floats:
    """The harmonic mean of each class's precision and recall; 0 where both are; (..., k, k) → (..., k)."""
    return _divide(2 * _diagonal(counts), counts.sum(-1) + counts.sum(-2))


def macro_precision(counts: Counts) -> Floats:
    """Mean precision over the classes that occur; (..., k, k) → (...)."""
    return _mean_over_seen(precision_by_class(counts), counts)


def macro_recall(counts: Counts) -> Floats:
    """Mean recall over the classes that occur; (..., k, k) → (...)."""
    return _mean_over_seen(recall_by_class(counts), counts)


def macro_f1(counts: Counts) -> Floats:
    """Mean F1 over the classes that occur; (..., k, k) → (...)."""
    return _mean_over_seen(f1_by_class(counts), counts)


def weighted_precision(counts: Counts) -> Floats:
    """Mean precision, each class counting by its rows; (..., k, k) → (...). The weighted recall is the accuracy."""
    return _mean_by_rows(precision_by_class(counts), counts)


def weighted_f1(counts: Counts) -> Floats:
    """Mean F1, each class counting by its rows; (..., k, k) → (...)."""
    return _mean_by_rows(f1_by_class(counts), counts)


def bootstrap(counts: Counts, statistic: Statistic, seed: int, rounds: int = 2000, level: float = 0.95) -> Interval:
    """The statistic of one (k, k) confusion matrix with its percentile interval over resampled rows."""
    if not counts.sum():
        return Interval(0.0, 0.0, 1.0)
    low, high = _percentiles(statistic(_resampled(counts, seed, rounds)), level)
    return Interval(float(statistic(counts)), float(low), float(high))


def bootstrap_by_class(counts: Counts, statistic: Statistic, seed: int, rounds: int = 2000) -> tuple[Interval, ...]:
    """As `bootstrap` at 95 %, for a statistic that is one figure a class."""
    low, high = _percentiles(statistic(_resampled(counts, seed, rounds)), 0.95)
    return tuple(Interval(*map(float, bounds)) for bounds in zip(statistic(counts), low, high, strict=True))


def _resampled(counts: Counts, seed: int, rounds: int) -> Counts:
    total = int(counts.sum())
    draws = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=rounds)
    return draws.reshape(rounds, *counts.shape)


def _diagonal(counts: Counts) -> Counts:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _divide(part: Counts, whole: Counts) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)


def _mean_over_seen(figures: Floats, counts: Counts) -> Floats:
    seen = counts.sum(-1) > 0
    return _divide((figures * seen).sum(-1), seen.sum(-1))


def _mean_by_rows(figures: Floats, counts: Counts) -> Floats:
    support = counts.sum(-1)
    return _divide((figures * support).sum(-1), support.sum(-1))


def _percentiles(figures: Floats, level: float) -> Floats:
    """The lower and the upper bounds of figures drawn along the first axis."""
    return np.quantile(figures, [(1 - level) / 2, (1 + level) / 2], axis=0)
