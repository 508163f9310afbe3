"""Whether a model is to be trained again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from libs.common.domain.measurement import Measurement
from libs.common.domain.value import Value


class RetrainingTrigger(Value):
    """The limits of retraining.yaml; drops and scores in 0…1, latency increase in per cent of the version's own baseline.

    Drift that reaches ``drift_score`` starts nothing before ``drift_labels`` labels have come: there would be little to learn.
    """

    accuracy_drop: float
    latency_increase: float
    drift_score: float
    drift_labels: int
    new_data_volume: int
    frequency: str
    day_of_month: int
    cooldown: timedelta


class RetrainingSignals(Value):
    """What is known of a live model; None where there was too little data to say.

    ``drift_labels`` came since the first of the windows that drifted one after another, ``new_labels`` since it was trained.
    """

    accuracy_drop: float | None = None
    latency_increase: float | None = None
    drift_score: float | None = None
    drift_labels: int = 0
    new_labels: int = 0
    last_trained_at: datetime | None = None
    last_started_at: datetime | None = None


class RetrainingDecision(Value):
    """Whether to start, and every reason for it."""

    start: bool
    reasons: tuple[str, ...]


class Retraining(Value):
    """One retraining that was started: when, why, and the flow run that does it."""

    model: str
    at: datetime
    reasons: tuple[str, ...]
    flow_run_id: str


def drift_began(windows: Sequence[Measurement], limit: float) -> datetime | None:
    """When the first of the last ``windows`` that reached ``limit`` one after another began; None where the last did not.

    ``windows`` are drift scores, oldest first; those without a value had too few e-mails to say, and end no drift.
    """
    known = [(window.start, window.value) for window in windows if window.value is not None]
    drifted = [start for start, _ in takewhile(lambda each: each[1] >= limit, reversed(known))]
    return drifted[-1] if drifted else None


def should_retrain(limits: RetrainingTrigger, signals: RetrainingSignals, now: datetime) -> RetrainingDecision:
    """Start when any trigger is reached, unless one was started within the cooldown."""
    if signals.last_started_at is not None and now - signals.last_started_at < limits.cooldown:
        return RetrainingDecision(start=False, reasons=(f"one was started at {signals.last_started_at:%F %T}",))
    reasons = (*_reached(limits, signals), *_scheduled(limits, signals, now))
    return RetrainingDecision(start=True, reasons=reasons) if reasons else _declined(limits, signals)


def _declined(limits: RetrainingTrigger, signals: RetrainingSignals) -> RetrainingDecision:
    reason = "no trigger was reached"
    if signals.drift_score is not None and signals.drift_score >= limits.drift_score:
        found, wanted = signals.drift_labels, limits.drift_labels
        reason = f"drift_score {signals.drift_score:g} waits for labels: {found} of {wanted} came since it began"
    return RetrainingDecision(start=False, reasons=(reason,))


def _reached(limits: RetrainingTrigger, signals: RetrainingSignals) -> list[str]:
    learnable = signals.drift_labels >= limits.drift_labels
    compared = {
        "accuracy_drop": (signals.accuracy_drop, limits.accuracy_drop),
        "latency_increase": (signals.latency_increase, limits.latency_increase),
        "drift_score": (signals.drift_score if learnable else None, limits.drift_score),
        "new_data_volume": (signals.new_labels, limits.new_data_volume),
    }
    return [
        f"{name} {found:g} reached {limit:g}"
        for name, (found, limit) in compared.items()
        if found is not None and found >= limit
    ]


def _scheduled(limits: RetrainingTrigger, signals: RetrainingSignals, now: datetime) -> list[str]:
    if limits.frequency != "monthly" or now.day != limits.day_of_month or signals.last_trained_at is None:
        return []
    trained_today = signals.last_trained_at.date() == now.date()
    return [] if trained_today else [f"scheduled for day {limits.day_of_month} of the month"]
