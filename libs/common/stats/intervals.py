"""Confidence intervals, two-sided, in the unit of what they bound."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds in the unit of the figure; a share stays inside 0…1."""

    low: float
    high: float


def wilson_interval(successes: int, count: int, confidence: float = 0.95) -> Interval:
    """Bounds of a share from ``successes`` of ``count`` (Wilson 1927): sound near 0 and 1; the whole 0…1 without a trial."""
    if count == 0:
        return Interval(0.0, 1.0)
    z = _deviate(confidence)
    share = successes / count
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    shrink = 1 + z * z / count
    centre = share + z * z / (2 * count)
    low = (centre - spread) / shrink if successes else 0.0
    high = (centre + spread) / shrink if successes < count else 1.0
    return Interval(low, high)


def share_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Interval:
    """Bounds of the first share less the second, of independent rows, at 95 % (Newcombe 1998, method 10)."""
    if not len(first) or not len(second):
        return Interval(-1.0, 1.0)
    one, two = (wilson_interval(int(held.sum()), len(held)) for held in (first, second))
    share, other = float(first.mean()), float(second.mean())
    below, above = math.hypot(share - one.low, two.high - other), math.hypot(one.high - share, other - two.low)
    return Interval(share - other - below, share - other + above)


def exact_lower_bound(successes: int, count: int, confidence: float = 0.95) -> float:
    """The one-sided lower bound of a share (Clopper & Pearson 1934): never too high more often than 1 − ``confidence``."""
    from scipy.stats import beta

    return float(beta.ppf(1 - confidence, successes, count - successes + 1)) if successes else 0.0


def quantile_interval(values: NDArray[np.float64], quantile: float, confidence: float = 0.95) -> Interval:
    """Bounds of a quantile from order statistics, in the unit of ``values``; assumes no distribution (Hahn & Meeker 1991).

    The ranks are the normal approximation of the binomial. A sample too small to bound a side gives its extreme there.
    """
    ordered = np.sort(values)
    count = len(ordered)
    reach = _deviate(confidence) * math.sqrt(count * quantile * (1 - quantile))
    first = max(math.floor(count * quantile - reach) - 1, 0)
    last = min(math.ceil(count * quantile + reach), count - 1)
    return Interval(float(ordered[first]), float(ordered[last]))


def bootstrap_means(rows: NDArray[np.float64], seed: int, confidence: float = 0.95, rounds: int = 1000) -> tuple[Interval, ...]:
    """Percentile bounds of the mean of each column of (n, k) rows, which are resampled whole; n must be 1 or more."""
    generator = np.random.default_rng(seed)
    means = [rows[generator.integers(0, len(rows), len(rows))].mean(axis=0) for _ in range(rounds)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0).tolist()
    return tuple(Interval(*bounds) for bounds in zip(low, high, strict=True))


def _deviate(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
