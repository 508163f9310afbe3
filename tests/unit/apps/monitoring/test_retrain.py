from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from apps.monitoring.retrain import Retrainer
from libs.common.config.monitoring import AccuracyTracking, LatencyMonitoring, ModelMetrics, ThroughputMonitoring
from libs.common.domain.measurement import Measurement
from libs.common.domain.model import ModelRef
from libs.common.domain.retraining import Retraining, RetrainingTrigger
from libs.common.errors import StoreError

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
LIVE = ModelRef(name="email_classifier", version="1.0.0", digest="a" * 64, uri="models/a")
LIMITS = RetrainingTrigger(
    accuracy_drop=0.03,
    latency_increase=50,
    drift_score=0.15,
    drift_labels=0,
    new_data_volume=10_000,
    frequency="monthly",
    day_of_month=15,
    cooldown=timedelta(days=1),
)
OBJECTIVES = ModelMetrics(
    accuracy_tracking=AccuracyTracking(
        baseline_accuracy=0.94,
        degradation_threshold=0.02,
        measurement_window=timedelta(hours=1),
        label_delay=timedelta(hours=1),
        min_labels=500,
        alert_threshold=0.92,
    ),
    latency_monitoring=LatencyMonitoring(
        window=timedelta(minutes=1),
        min_requests=100,
        p50_threshold_ms=100,
        p95_threshold_ms=200,
        p99_threshold_ms=500,
        timeout_threshold_ms=2000,
    ),
    throughput_monitoring=ThroughputMonitoring(target_qps=100, max_qps=500, queue_depth_alert=1000),
)


class Ledger:
    """The parts of the records that a retraining reads and writes, in memory."""

    def __init__(self) -> None:
        self.started: list[Retraining] = []
        self.measured: list[Measurement] = []
        self.audited: list[tuple[str, dict[str, Any]]] = []
        self.labels = 0
        self.counted_from: list[datetime] = []
        self.retrainings = SimpleNamespace(add=self._start, latest=lambda model: self.started[-1] if self.started else None)
        self.feedback = SimpleNamespace(count_since=self._count)
        self.audit = SimpleNamespace(append=lambda actor, action, subject, details, at: self.audited.append((action, details)))
        self.measurements = SimpleNamespace(
            add=self.measured.append,
            between=lambda model, start, end, metric: [kept for kept in self.measured if kept.metric == metric],
        )

    def _start(self, model: str, at: datetime, reasons: list[str], run: str) -> None:
        self.started.append(Retraining(model=model, at=at, reasons=tuple(reasons), flow_run_id=run))

    def _count(self, model: str, at: datetime) -> int:
        self.counted_from.append(at)
        return self.labels


def measured(metric: str, value: float | None) -> dict[str, Measurement]:
    return {metric: Measurement(model=LIVE.name, metric=metric, start=NOW, end=NOW, value=value, count=1000)}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def keys() -> list[str]:
    return []


@pytest.fixture
def retrainer(ledger: Ledger, keys: list[str]) -> Retrainer:
    def start_flow(name: str, parameters: dict[str, Any], key: str) -> str:
        assert (name, parameters["model"]) == ("retrain_model", LIVE.name)
        keys.append(key)
        return f"run-{len(keys)}"

    records: Any = ledger
    return Retrainer(records, LIMITS, OBJECTIVES, start_flow, lambda ref: NOW - timedelta(days=10))


@pytest.mark.parametrize(
    ("metric", "value", "starts"),
    [
        ("drift_score", 0.15, True),
        ("drift_score", 0.149, False),
        ("accuracy", 0.91, True),
        ("accuracy", 0.92, False),
        ("accuracy", None, False),
        ("requests_per_second", 1e9, False),
    ],
)
def test_each_trigger_starts_at_its_limit(
    retrainer: Retrainer, ledger: Ledger, metric: str, value: float | None, starts: bool
) -> None:
    assert retrainer.consider(LIVE, measured(metric, value), NOW).start is starts
    assert len(ledger.started) == starts
    assert [action for action, _ in ledger.audited] == ["retraining_started"] * starts


@pytest.mark.parametrize(("high", "starts"), [(0.939, True), (0.941, False)])
def test_a_drop_that_may_be_chance_starts_nothing(retrainer: Retrainer, high: float, starts: bool) -> None:
    unsure = measured("accuracy", 0.90)["accuracy"].model_copy(update={"low": 0.85, "high": high})
    assert retrainer.consider(LIVE, {"accuracy": unsure}, NOW).start is starts


def test_enough_new_labels_start_it_counted_from_the_last_start(retrainer: Retrainer, ledger: Ledger) -> None:
    ledger.labels = 10_000
    assert retrainer.consider(LIVE, {}, NOW).start
    assert ledger.counted_from == [NOW - timedelta(days=10)]
    retrainer.consider(LIVE, {}, NOW + timedelta(days=2))
    assert ledger.counted_from[1:] == [NOW]


def test_labels_of_a_drift_count_from_its_first_window(ledger: Ledger) -> None:
    records: Any = ledger
    limits = LIMITS.model_copy(update={"drift_labels": 400})
    retrainer = Retrainer(records, limits, OBJECTIVES, lambda *_: "run", lambda ref: NOW - timedelta(days=10))
    began = NOW - timedelta(days=3)
    for day, score in enumerate((0.05, 0.2, 0.4), -4):
        start = NOW + timedelta(days=day)
        drift = measured("drift_score", score)["drift_score"].model_copy(
            update={"start": start, "end": start + timedelta(days=1)}
        )
        ledger.measured.append(drift)
    ledger.labels = 399
    assert not retrainer.consider(LIVE, {"drift_score": drift}, NOW).start
    assert began in ledger.counted_from
    ledger.labels = 400
    assert retrainer.consider(LIVE, {"drift_score": drift}, NOW).start


def test_one_within_the_cooldown_and_each_with_a_key_of_its_own(retrainer: Retrainer, ledger: Ledger, keys: list[str]) -> None:
    drifted = measured("drift_score", 0.5)
    for hours in (0, 1, 23, 24, 25):
        retrainer.consider(LIVE, drifted, NOW + timedelta(hours=hours))
    assert [start.at for start in ledger.started] == [NOW, NOW + timedelta(hours=24)]
    assert len(set(keys)) == 2


def test_a_crash_between_start_and_record_asks_for_the_same_run_again(
    retrainer: Retrainer, ledger: Ledger, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreError("records: away")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(ledger.retrainings, "add", away)
        retrainer.consider(LIVE, measured("drift_score", 0.5), NOW)
    retrainer.consider(LIVE, measured("drift_score", 0.5), NOW)
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_asked_by_an_alert_the_refusal_is_audited_with_its_signals(retrainer: Retrainer, ledger: Ledger) -> None:
    retrainer.consider(LIVE, measured("drift_score", 0.12), NOW)
    assert ledger.audited == []
    retrainer.consider(LIVE, measured("drift_score", 0.12), NOW, asked_by="email_classifier:data_drift_detected")
    ((action, details),) = ledger.audited
    assert action == "retraining_declined"
    assert details["signals"]["drift_score"] == 0.12
    assert details["asked_by"] == "email_classifier:data_drift_detected"


@pytest.mark.parametrize(("p95_ms", "starts"), [(301.0, True), (299.0, False)])
def test_latency_is_compared_with_the_versions_own_first_p95(retrainer: Retrainer, p95_ms: float, starts: bool) -> None:
    assert not retrainer.consider(LIVE, measured("p95_latency", 200.0), NOW).start
    assert retrainer.consider(LIVE, measured("p95_latency", p95_ms), NOW).start is starts


def test_growth_within_the_objective_is_nobodys_trouble(retrainer: Retrainer) -> None:
    retrainer.consider(LIVE, measured("p95_latency", 8.0), NOW)
    assert not retrainer.consider(LIVE, measured("p95_latency", 150.0), NOW).start


def test_a_new_version_has_a_baseline_of_its_own(retrainer: Retrainer) -> None:
    retrainer.consider(LIVE, measured("p95_latency", 200.0), NOW)
    slower = LIVE.model_copy(update={"version": "2.0.0"})
    assert not retrainer.consider(slower, measured("p95_latency", 400.0), NOW).start
