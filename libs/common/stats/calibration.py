"""Whether a probability means what it says, and the one number that mends it: the temperature.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COLDEST, HOTTEST = 0.05, 20.0


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """(n, k) scores → (n, k) probabilities that sum to 1."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def calibration_error(probabilities: Floats, truth: NDArray[np.int64], bins: int = 15) -> float:
    """Expected calibration error: the mean gap of confidence and accuracy over equal-width bins; (n, k), (n,) → 0…1."""
    if not len(truth):
        return 0.0
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


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
