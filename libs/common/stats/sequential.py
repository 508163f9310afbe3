"""Anytime-valid tests for releases: they may be read after every event, and stopped at any time, at no cost in false alarms.

Each test keeps a *wealth* that is expected never to grow while its null hypothesis holds, so by Ville's inequality (1939) it
reaches 1/alpha, ever, with probability at most alpha. Wealth is a mixture over a grid of alternatives (Robbins 1970).
Comparing event streams by conditioning on the next event: Lindon & Malek, arXiv 2011.03567; for canaries: Lindon, Sanden &
Shirikian, "Rapid Regression Detection in Software Deployments", arXiv 2205.14762.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Rate ratios from "25 % more bad events" to "only the candidate fails": each is weighted alike, which costs at most log 8 nats.
_RATIOS = np.array([1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0])
# The tolerated share is put to the test against shares that lie this far from it towards 1.
_EXCESSES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.8])
_LOG_LARGEST = math.log(np.finfo(np.float64).max) - 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a test holds against its null hypothesis: natural logarithms of wealth, at the end and at its highest."""

    events: int
    log_last: float
    log_peak: float

    @property
    def wealth(self) -> float:
        """Wealth now; 1 is no evidence either way."""
        return math.exp(min(self.log_last, _LOG_LARGEST))

    def rejects(self, alpha: float) -> bool:
        """Whether wealth ever reached 1/alpha: wrong with probability at most ``alpha`` over the whole life of the test."""
        return self.log_peak >= -math.log(alpha)

    def doubts(self, alpha: float) -> bool:
        """Whether wealth now is more than half way (in its logarithm) to a rejection."""
        return self.log_last >= -math.log(alpha) / 2


NO_EVIDENCE = Evidence(events=0, log_last=0.0, log_peak=0.0)


def weigh_rates(from_candidate: NDArray[np.bool_], shares: NDArray[np.float64]) -> Evidence:
    """Evidence that bad events are more frequent on the candidate than on stable, per request.

    One entry a bad event, in order: whose it was, and the candidate's share of traffic (0…1, exclusive) when it was routed.
    Null: the candidate is no worse, so that each bad event is the candidate's with probability at most its share, whatever
    came before; shares may change from event to event, and the common rate of bad events may do as it likes.
    """
    growth = np.where(from_candidate[:, None], np.log(_RATIOS), 0.0) - np.log1p(np.outer(shares, _RATIOS - 1))
    return _mix(growth)


def weigh_share(bad: NDArray[np.bool_], tolerated: float) -> Evidence:
    """Evidence that more than the ``tolerated`` share (0…1, exclusive) of requests is bad; one entry a request, in order."""
    alternatives = tolerated + (1 - tolerated) * _EXCESSES
    on_bad, on_good = np.log(alternatives / tolerated), np.log((1 - alternatives) / (1 - tolerated))
    return _mix(np.where(bad[:, None], on_bad, on_good))


def _mix(growth: NDArray[np.float64]) -> Evidence:
    """Log growth per event and alternative, shape (events, alternatives) → the evidence of their equal mixture."""
    if len(growth) == 0:
        return NO_EVIDENCE
    wealth = np.logaddexp.reduce(np.cumsum(growth, axis=0), axis=1) - math.log(growth.shape[1])
    return Evidence(events=len(growth), log_last=float(wealth[-1]), log_peak=max(float(wealth.max()), 0.0))
