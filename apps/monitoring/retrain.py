"""Whether a live model is trained again: gathers the signals, asks the judgment, starts the flow by name, records why."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from apps.monitoring.measure import ACCURACY, DRIFT, P95_LATENCY
from libs.common.config.monitoring import ModelMetrics
from libs.common.domain.audit import Actor, Role
from libs.common.domain.measurement import Measurement
from libs.common.domain.model import ModelRef
from libs.common.domain.retraining import RetrainingDecision, RetrainingSignals, RetrainingTrigger, drift_began, should_retrain
from libs.common.logs import get_logger
from libs.common.stores.records import Records

logger = get_logger("monitoring.retrain")

ACTOR = Actor(name="monitoring", role=Role.SYSTEM)
FLOW = "retrain_model"
Latest = Mapping[str, Measurement]
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


class Retrainer:
    """Starts at most one retraining of a model within the cooldown.

    ``start_flow(name, parameters, idempotency_key)`` returns the id of the run; ``trained_at(ref)`` is when a version was
    trained. Latency counts as increased only beyond the p95 objective: 8 ms grown to 13 ms is nobody's trouble.
    """

    def __init__(
        self,
        records: Records,
        limits: RetrainingTrigger,
        objectives: ModelMetrics,
        start_flow: Callable[[str, dict[str, Any], str], str],
        trained_at: Callable[[ModelRef], datetime],
    ) -> None:
        self._records = records
        self._limits = limits
        self._baseline_accuracy = objectives.accuracy_tracking.baseline_accuracy
        self._p95_objective_ms = objectives.latency_monitoring.p95_threshold_ms
        self._start_flow = start_flow
        self._trained_at = trained_at

    def consider(self, live: ModelRef, latest: Latest, now: datetime, asked_by: str = "") -> RetrainingDecision:
        """Judge, and start where due. Asked by an alert, the decision is audited whatever it is; else only a start is."""
        signals = self._signals(live, latest)
        decision = should_retrain(self._limits, signals, now)
        if decision.start:
            self._start(live, signals, decision, now)
        elif asked_by:
            self._audit("retraining_declined", live, signals, decision, now, asked_by=asked_by)
        return decision

    def _start(self, live: ModelRef, signals: RetrainingSignals, decision: RetrainingDecision, now: datetime) -> None:
        reasons = list(decision.reasons)
        before = self._records.retrainings.latest(live.name)
        # The key follows from what is recorded: a run that started just before a crash is found again, not started twice.
        key = f"{FLOW}:{live.name}:after:{before.flow_run_id if before else 'none'}"
        run = self._start_flow(FLOW, {"model": live.name, "reasons": reasons}, key)
        self._records.retrainings.add(live.name, now, reasons, run)
        self._audit("retraining_started", live, signals, decision, now, flow_run=run)
        logger.warning("%s: retraining started as %s: %s", live, run, "; ".join(reasons))

    def _signals(self, live: ModelRef, latest: Latest) -> RetrainingSignals:
        started = self._records.retrainings.latest(live.name)
        trained_at = self._trained_at(live)
        counted_from = max(trained_at, started.at) if started else trained_at
        p95_ms = _value(latest, P95_LATENCY)
        drift = latest.get(DRIFT)
        return RetrainingSignals(
            accuracy_drop=self._accuracy_drop(latest.get(ACCURACY)),
            latency_increase=None if p95_ms is None else self._latency_increase(live, latest[P95_LATENCY], p95_ms),
            drift_score=drift.value if drift else None,
            drift_labels=self._drift_labels(drift, counted_from) if drift else 0,
            new_labels=self._records.feedback.count_since(live.name, counted_from),
            last_trained_at=trained_at,
            last_started_at=started.at if started else None,
        )

    def _drift_labels(self, measured: Measurement, counted_from: datetime) -> int:
        windows = self._records.measurements.between(measured.model, counted_from, measured.end, DRIFT)
        began = drift_began(windows, self._limits.drift_score)
        return self._records.feedback.count_since(measured.model, max(began, counted_from)) if began else 0

    def _accuracy_drop(self, measured: Measurement | None) -> float | None:
        """How far accuracy is below the baseline; None while the baseline still lies inside its interval."""
        if measured is None or measured.value is None or (measured.high or 0.0) >= self._baseline_accuracy:
            return None
        # Rounded, for 0.94 − 0.91 is a hair less than 0.03 in binary.
        return round(self._baseline_accuracy - measured.value, 9)

    def _latency_increase(self, live: ModelRef, measured: Measurement, p95_ms: float) -> float:
        """Per cent over the version's own baseline: its first p95 as a live version, kept under a metric of its own."""
        metric = f"baseline_{P95_LATENCY}@{live.version}"
        kept = self._records.measurements.between(live.name, _BEFORE_ALL, measured.end, metric)
        if not kept:
            self._records.measurements.add(measured.model_copy(update={"metric": metric}))
            return 0.0
        baseline_ms = kept[0].value
        if not baseline_ms or p95_ms <= self._p95_objective_ms:
            return 0.0
        return (p95_ms / baseline_ms - 1) * 100

    def _audit(
        self,
        action: str,
        live: ModelRef,
        signals: RetrainingSignals,
        decision: RetrainingDecision,
        now: datetime,
        **more: str,
    ) -> None:
        details = {"signals": signals.model_dump(mode="json"), "limits": self._limits.model_dump(mode="json")}
        self._records.audit.append(ACTOR, action, str(live), {**details, "reasons": list(decision.reasons), **more}, now)


def _value(latest: Latest, metric: str) -> float | None:
    return latest[metric].value if metric in latest else None
