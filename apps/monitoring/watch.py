"""The watch: every cycle, each live model is measured, its alert rules are judged, and what follows is done.

Only gathers, asks the judgments and applies; a model that cannot be watched is logged and counted, and the watch goes on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from apps.monitoring.measure import (
    DRIFT,
    Window,
    measure_accuracy,
    measure_drift,
    measure_latency,
    measure_requests,
    sample_features,
)
from apps.monitoring.references import References
from apps.monitoring.respond import RETRAIN, Responder
from apps.monitoring.retrain import Retrainer
from apps.monitoring.trials import Labelled, join_feedback
from libs.common.config.monitoring import Monitoring
from libs.common.domain.alert import Alert, AlertRule, AlertStatus, evaluate
from libs.common.domain.measurement import Measurement
from libs.common.domain.model import ModelRef
from libs.common.domain.triage import Outcome, PredictionEvent, Variant
from libs.common.logs import get_logger
from libs.common.notation import parse_condition
from libs.common.stores.predictions import PredictionLog
from libs.common.stores.records import Records

logger = get_logger("monitoring.watch")

# How a measurement's unit is written in another that conditions know.
_CONVERSIONS = {("ms", "s"): 0.001, ("", "%"): 100.0}


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """How the watch fares; ``models`` are those with a live version in the last cycle."""

    cycles: int = 0
    failures: int = 0
    last_cycle_at: datetime | None = None
    models: tuple[str, ...] = ()


class Watcher:
    """Watches ``models``. One thread calls ``run``, or a test ``cycle``; ``status`` may be read from any thread."""

    def __init__(
        self,
        models: Sequence[str],
        records: Records,
        log: PredictionLog,
        references: References,
        settings: Monitoring,
        rules: Sequence[AlertRule],
        responder: Responder,
        retrainer: Retrainer,
    ) -> None:
        self.status = WatchStatus()
        self._models = models
        self._records = records
        self._log = log
        self._references = references
        self._settings = settings
        self._rules = rules
        self._responder = responder
        self._retrainer = retrainer

    def run(self, stop: threading.Event, now: Callable[[], datetime]) -> None:
        """One cycle after another until ``stop`` is set."""
        while not stop.is_set():
            self.cycle(now())
            stop.wait(self._settings.cycle.total_seconds())

    def cycle(self, now: datetime) -> None:
        """Watch every model once."""
        live: list[str] = []
        for model in self._models:
            try:
                if self._watch(model, now):
                    live.append(model)
            except Exception:
                logger.exception("%s could not be watched at %s", model, now)
                self.status = replace(self.status, failures=self.status.failures + 1)
        self.status = replace(self.status, cycles=self.status.cycles + 1, last_cycle_at=now, models=tuple(live))

    def _watch(self, model: str, now: datetime) -> bool:
        live = self._records.traffic.get(model).stable
        if live is None:
            return False
        latest = {measured.metric: measured for measured in self._measure(live, now)}
        for measured in latest.values():
            self._records.measurements.add(measured)
        alerts = [alert for rule in self._rules if (alert := self._judge(rule, model, latest, now))]
        asked_by = next((alert.key for alert in alerts if _asks_for_retraining(alert)), "")
        self._retrainer.consider(live, latest, now, asked_by)
        return True

    def _measure(self, live: ModelRef, now: datetime) -> list[Measurement]:
        accuracy, latency = self._settings.model_metrics.accuracy_tracking, self._settings.model_metrics.latency_monitoring
        labels = Window.before(live.name, now, accuracy.measurement_window)
        recent = Window.before(live.name, now, latency.window)
        feedback = self._records.feedback.between(live.name, labels.start, now)
        wanted = {given.request_id for given in feedback}
        oldest = min(labels.start - accuracy.label_delay, recent.start)
        # One pass, and only what is needed is kept: the hour may hold hundreds of thousands of events.
        events = [
            event
            for event in self._log.events(live.name, oldest, now)
            if event.at >= recent.start or event.request_id in wanted
        ]
        labelled = [pair for pair in join_feedback(events, feedback) if _is_own(pair.event, live)]
        requests = [event for event in events if event.at >= recent.start]
        return [
            measure_accuracy(labels, _answered(labelled), accuracy.min_labels),
            *measure_latency(recent, [event for event in requests if _is_own(event, live)], latency.min_requests),
            *measure_requests(recent, requests),
            *self._measure_drift(live, now),
        ]

    def _measure_drift(self, live: ModelRef, now: datetime) -> Iterator[Measurement]:
        """The drift of the e-mails since the last time, where it is due."""
        drift = self._settings.data_drift_detection
        if not self._drift_is_due(live.name, now, drift.monitoring_frequency):
            return
        window = Window.before(live.name, now, drift.monitoring_frequency)
        events = self._log.events(live.name, window.start, now)
        sample = sample_features(events, drift.max_sample, seed=window.start.isoformat())
        yield measure_drift(window, sample, self._references.sample(live), drift)

    def _drift_is_due(self, model: str, now: datetime, every: timedelta) -> bool:
        measured = self._records.measurements.between(model, now - every, now, DRIFT)
        return all(measurement.value is None for measurement in measured)

    def _judge(self, rule: AlertRule, model: str, latest: dict[str, Measurement], now: datetime) -> Alert | None:
        """The alert of one rule, told before the state is saved: after a crash it is told again rather than never."""
        condition = parse_condition(rule.condition)
        if condition.metric not in latest:
            return None
        measured = in_unit(latest[condition.metric], condition.unit)
        state, alert = evaluate(rule, self._records.alerts.state(rule.name, model), measured, now)
        if alert:
            self._responder.respond(alert)
        self._records.alerts.save_state(state)
        return alert


def in_unit(measured: Measurement, unit: str) -> Measurement:
    """The measurement with its value in the unit that a condition is written in."""
    factor = _CONVERSIONS.get((measured.unit, unit), 1.0)
    return measured if measured.value is None else measured.model_copy(update={"value": measured.value * factor})


def _is_own(event: PredictionEvent, live: ModelRef) -> bool:
    """Whether stable itself answered: a release under test is judged by its own comparison."""
    return event.variant is Variant.STABLE and event.version == live.version


def _answered(labelled: Sequence[Labelled]) -> list[Labelled]:
    return [pair for pair in labelled if pair.event.outcome is Outcome.OK]


def _asks_for_retraining(alert: Alert) -> bool:
    return alert.status is AlertStatus.FIRING and alert.action == RETRAIN
