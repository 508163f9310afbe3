"""Windows of traffic → measurements: every figure with what it rests on and how sure it is. Pure.

Too little data gives a measurement without a value, never a guess.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from apps.monitoring.trials import Labelled
from libs.common.config.monitoring import DataDriftDetection
from libs.common.domain.measurement import METRICS, Measurement
from libs.common.domain.triage import Outcome, PredictionEvent
from libs.common.stats.drift import drift_score
from libs.common.stats.intervals import Interval, quantile_interval, wilson_interval

ACCURACY = "accuracy"
P95_LATENCY = "p95_latency"
DRIFT = "drift_score"
_PERCENTILES = {"p50_latency": 0.5, P95_LATENCY: 0.95, "p99_latency": 0.99}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one model's traffic: from ``start``, up to and without ``end``."""

    model: str
    start: datetime
    end: datetime

    @classmethod
    def before(cls, model: str, end: datetime, length: timedelta) -> "Window":
        """The window of ``length`` that ends at ``end``."""
        return cls(model, end - length, end)

    def measured(
        self,
        metric: str,
        value: float | None,
        count: int,
        bounds: Interval | None = None,
        detail: Mapping[str, float] | None = None,
    ) -> Measurement:
        """One measurement over this window."""
        return Measurement(
            model=self.model,
            metric=metric,
            start=self.start,
            end=self.end,
            value=value,
            count=count,
            low=bounds.low if bounds else None,
            high=bounds.high if bounds else None,
            unit=METRICS[metric],
            detail=dict(detail or {}),
        )


def measure_accuracy(window: Window, labelled: Sequence[Labelled], min_labels: int) -> Measurement:
    """The share of labelled answers that were right, 0…1, with Wilson bounds; no figure below ``min_labels``."""
    count = len(labelled)
    right = sum(not pair.wrong for pair in labelled)
    value = right / count if count >= min_labels else None
    return window.measured(ACCURACY, value, count, bounds=wilson_interval(right, count))


def measure_latency(window: Window, events: Sequence[PredictionEvent], min_requests: int) -> list[Measurement]:
    """p50, p95 and p99 in milliseconds with distribution-free bounds; no figure below ``min_requests``."""
    latencies = np.array([event.latency_ms for event in events], dtype=float)
    if len(latencies) < max(min_requests, 1):
        return [window.measured(metric, None, len(latencies)) for metric in _PERCENTILES]
    return [
        window.measured(metric, float(np.quantile(latencies, share)), len(latencies), quantile_interval(latencies, share))
        for metric, share in _PERCENTILES.items()
    ]


def measure_requests(window: Window, events: Sequence[PredictionEvent]) -> list[Measurement]:
    """Requests a second, and the share of them (0…1) that got no answer; without requests there is no error rate."""
    count = len(events)
    failed = sum(event.outcome is Outcome.ERROR for event in events)
    per_second = count / (window.end - window.start).total_seconds()
    rate = failed / count if count else None
    return [
        window.measured("requests_per_second", per_second, count),
        window.measured("error_rate", rate, count, bounds=wilson_interval(failed, count)),
    ]


def measure_drift(
    window: Window,
    live: Mapping[str, NDArray[np.float64]],
    reference: Mapping[str, NDArray[np.float64]],
    settings: DataDriftDetection,
) -> Measurement:
    """The drift score (KS distance, 0…1) of the window's features; ``detail`` holds the distance of every feature."""
    found = drift_score(reference, live, settings.false_alarm_rate, settings.min_sample)
    return window.measured(DRIFT, found.score, found.count, detail=found.distances)


def sample_features(events: Iterable[PredictionEvent], most: int, seed: str) -> dict[str, NDArray[np.float64]]:
    """The features of at most ``most`` events, drawn evenly from all (reservoir sampling, Vitter 1985, algorithm R).

    One array a feature in the order of time, NaN where an event lacks it; the same events and seed give the same sample.
    """
    draw = random.Random(seed)
    kept: list[PredictionEvent] = []
    for seen, event in enumerate(event for event in events if event.features):
        if seen < most:
            kept.append(event)
        elif (place := draw.randrange(seen + 1)) < most:
            kept[place] = event
    kept.sort(key=lambda event: event.at)
    names = sorted({name for event in kept for name in event.features})
    return {name: np.array([event.features.get(name, np.nan) for event in kept], dtype=float) for name in names}
