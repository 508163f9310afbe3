"""Drift: how far live e-mail has moved from what the model was trained on (ADR 5)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Sample = NDArray[np.float64]

# Long enough batches to hold a thread, enough of them to see how they vary.
_BATCHES = 20


@dataclass(frozen=True, slots=True)
class DriftScore:
    """The largest significant distance, and the feature that moved so far; ``score`` is None where the sample was too small.

    ``distances`` are the Kolmogorov–Smirnov D (0…1) of every feature compared, ``significant`` those whose D is no accident.
    """

    score: float | None
    feature: str | None
    count: int
    distances: dict[str, float] = field(default_factory=dict)
    significant: tuple[str, ...] = ()


def drift_score(reference: Mapping[str, Sample], live: Mapping[str, Sample], alpha: float, min_sample: int) -> DriftScore:
    """Compare each feature's two samples; D counts only where it stays significant after Holm's correction.

    ``live`` is in the order in which the e-mails came: alike ones in a row count as the few that they are worth.
    D does not grow with the sample, as a p-value's verdict does, so a busy day drifts no more than a quiet one.
    ``alpha`` is the chance of any score above 0 on a window without drift; ``min_sample`` the fewest values on either side.
    """
    samples = {name: (_finite(reference[name]), _finite(live[name])) for name in sorted(reference.keys() & live.keys())}
    count = max((len(now) for _, now in samples.values()), default=0)
    enough = {name: pair for name, pair in samples.items() if min(map(len, pair)) >= min_sample}
    if not enough:
        return DriftScore(score=None, feature=None, count=count)
    gaps = {name: largest_gap(before, now) for name, (before, now) in enough.items()}
    distances = {name: distance for name, (distance, _) in gaps.items()}
    p_values = {
        name: ks_p_value(distances[name], len(before), len(now), clustering(now <= gaps[name][1]))
        for name, (before, now) in enough.items()
    }
    significant = holm(p_values, alpha)
    feature = max(significant, key=distances.__getitem__, default=None)
    score = distances[feature] if feature else 0.0
    return DriftScore(score, feature, count, distances, significant)


def largest_gap(first: Sample, second: Sample) -> tuple[float, float]:
    """The two-sample Kolmogorov–Smirnov D, 0…1, and where it lies: the largest gap between the two distribution functions."""
    points = np.sort(np.concatenate([first, second]))
    before = np.searchsorted(np.sort(first), points, side="right") / len(first)
    after = np.searchsorted(np.sort(second), points, side="right") / len(second)
    widest = int(np.abs(before - after).argmax())
    return float(abs(before[widest] - after[widest])), float(points[widest])


def clustering(held: NDArray[np.bool_]) -> float:
    """How many e-mails in a row say no more than one: the design effect by batch means, at least 1 (Kish 1965; Law 2015, 9.5).

    ``held`` is one share, e-mail by e-mail, in the order in which they came. Those of a thread or a campaign are alike, so
    that a share varies more from batch to batch than it would for independent e-mails.
    """
    share = float(held.mean())
    size = len(held) // _BATCHES
    if size < 2 or share in (0.0, 1.0):
        return 1.0
    means = held[: size * _BATCHES].reshape(_BATCHES, size).mean(axis=1)
    return max(1.0, float(means.var(ddof=1)) * size / (share * (1 - share)))


def ks_p_value(distance: float, first_count: int, second_count: int, clustered: float = 1.0) -> float:
    """The asymptotic p-value of D (Kolmogorov 1933, Smirnov 1948): conservative for small samples and for ties."""
    from scipy.special import kolmogorov

    effective = first_count * second_count / (first_count + second_count) / clustered
    return float(kolmogorov(math.sqrt(effective) * distance))


def holm(p_values: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """The names significant at family-wise error ``alpha`` however the tests depend on each other (Holm 1979)."""
    ascending = sorted(p_values, key=lambda name: (p_values[name], name))
    for place, name in enumerate(ascending):
        if p_values[name] > alpha / (len(ascending) - place):
            return tuple(ascending[:place])
    return tuple(ascending)


def _finite(sample: Sample) -> Sample:
    return sample[np.isfinite(sample)]
