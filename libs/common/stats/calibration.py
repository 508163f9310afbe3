"""Whether a probability means what it says, and the one number that mends it: the temperature.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.common.stats.intervals import wilson_interval
from libs.common.stats.metrics import Interval

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """(n, k) scores → (n, k) probabilities that sum to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers that are about equally sure: how many, their mean confidence, and the share of them that is right."""

    count: int
    confidence: float
    accuracy: Interval


def reliability(probabilities: Floats, truth: NDArray[np.int64], bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram's bins of equal width, those without an answer left out; (n, k), (n,)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    return tuple(_bin(confidence[place == each], right[place == each]) for each in np.unique(place))


def calibration_error(probabilities: Floats, truth: NDArray[np.int64], bins: int = 15) -> float:
    """Expected calibration error: the mean gap of confidence and accuracy over equal-width bins; (n, k), (n,) → 0…1."""
    gaps = (each.count * abs(each.confidence - each.accuracy.value) for each in reliability(probabilities, truth, bins))
    return sum(gaps) / max(len(truth), 1)


def brier_score(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Mean squared distance of probabilities and outcome over all classes (Brier 1950); (n, k), (n,) → 0 (best) … 2."""
    if not len(truth):
        return 0.0
    outcome = np.zeros_like(probabilities)
    outcome[np.arange(len(truth)), truth] = 1
    return float(((probabilities - outcome) ** 2).sum(axis=1).mean())


def overconfidence(confidence: Floats, right: NDArray[np.bool_]) -> Interval:
    """Mean confidence less accuracy, −1…1, with the 95 % bounds that the accuracy's Wilson interval leaves."""
    if not len(confidence):
        return Interval(0.0, -1.0, 1.0)
    accuracy, sure = _share(right), float(confidence.mean())
    return Interval(sure - accuracy.value, sure - accuracy.high, sure - accuracy.low)


def fit_temperature(logits: Floats, truth: NDArray[np.int64], steps: int = 40) -> float:
    """The temperature that makes held-out ``truth`` likeliest, by golden-section search on its logarithm."""
    if not len(truth):
        return 1.0
    ratio = (np.sqrt(5) - 1) / 2
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(steps):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _surprise(logits, truth, np.exp(left)) < _surprise(logits, truth, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _surprise(logits: Floats, truth: NDArray[np.int64], temperature: float) -> float:
    likelihood = softmax(logits, temperature)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(likelihood, 1e-300)).mean())


def _bin(confidence: Floats, right: NDArray[np.bool_]) -> ReliabilityBin:
    return ReliabilityBin(len(right), float(confidence.mean()), _share(right))


def _share(right: NDArray[np.bool_]) -> Interval:
    bounds = wilson_interval(int(right.sum()), len(right))
    return Interval(float(right.mean()), bounds.low, bounds.high)
