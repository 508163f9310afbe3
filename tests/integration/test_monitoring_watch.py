"""The watch over real stores and a real webhook: quiet on stationary traffic, one page and one retraining on drift."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.monitoring.references import FILE
from apps.monitoring.service import MonitorSettings, build_watcher
from apps.monitoring.watch import Watcher
from libs.common.config.alerting import Alerting
from libs.common.config.configuration import Addresses
from libs.common.config.monitoring import Monitoring
from libs.common.connect import Stores, connect
from libs.common.domain.alert import AlertStatus
from libs.common.domain.model import ModelRef
from libs.common.domain.retraining import RetrainingTrigger
from libs.common.domain.traffic import Traffic
from libs.common.domain.triage import Feedback, Outcome, PredictionEvent, Variant
from libs.common.models.artifact import write_artifact
from libs.common.stores.predictions import SegmentWriter, ship_segments
from libs.common.stores.records import migrate
from tests.unit.apps.training.evaluation.test_checks import Scripted, right

MODEL = "email_classifier"
CYCLE = timedelta(seconds=10)
PER_CYCLE = 60
MONITORING = Monitoring.model_validate(
    {
        "cycle": "10s",
        "model_metrics": {
            "accuracy_tracking": {
                "baseline_accuracy": 0.94,
                "degradation_threshold": 0.02,
                "measurement_window": "2 minutes",
                "label_delay": "1 minute",
                "min_labels": 100,
                "alert_threshold": 0.92,
            },
            "latency_monitoring": {
                "window": "1 minute",
                "min_requests": 50,
                "p50_threshold_ms": 100,
                "p95_threshold_ms": 200,
                "p99_threshold_ms": 500,
                "timeout_threshold_ms": 2000,
            },
            "throughput_monitoring": {"target_qps": 100, "max_qps": 500, "queue_depth_alert": 1000},
        },
        "data_drift_detection": {
            "method": "kolmogorov_smirnov",
            "reference_dataset": "emails",
            "drift_threshold": 0.1,
            "monitoring_frequency": "1 minute",
            "min_sample": 200,
            "max_sample": 5000,
            "false_alarm_rate": 0.001,
        },
        "model_bias_monitoring": {
            "protected_attributes": [],
            "fairness_metrics": [],
            "bias_threshold": 0.1,
            "reporting_frequency": "weekly",
        },
        "request_observation": {
            "tracing": {"enabled": False, "endpoint": "http://127.0.0.1:4318/v1/traces", "sample_rate": 0.0},
            "access_log": {"sample_rate": 0.0},
        },
    }
)
ALERTING = Alerting.model_validate(
    {
        "channels": [
            {"type": "webhook", "url": "${TRIAGE_TEST_WEBHOOK}", "severity_levels": ["critical", "high", "medium"]},
            {"type": "slack", "webhook": "${TRIAGE_TEST_UNSET}", "severity_levels": ["critical"]},
        ],
        "alert_rules": {
            "model_accuracy_degradation": {"condition": "accuracy < 0.92 for 30 seconds", "severity": "critical"},
            "high_inference_latency": {"condition": "p95_latency > 0.5s for 30 seconds", "severity": "high"},
            "data_drift_detected": {
                "condition": "drift_score > 0.1",
                "severity": "medium",
                "action": "trigger_model_retraining",
            },
        },
    }
)
LIMITS = RetrainingTrigger(
    accuracy_drop=0.03,
    latency_increase=50,
    drift_score=0.3,
    drift_labels=0,
    new_data_volume=100_000,
    frequency="monthly",
    day_of_month=28,
    cooldown=timedelta(days=1),
)


@dataclass
class World:
    """A replica that writes real segments, people who label, and the watch; time moves only by ``pass_time``."""

    stores: Stores
    folder: Path
    watcher: Watcher
    now: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))
    sent: int = 0

    def pass_time(self, cycles: int, length: float = 0.0, accuracy: float = 0.97, latency_ms: float = 20.0) -> None:
        writer = SegmentWriter(self.folder, "replica-1")
        live = self.stores.records.traffic.get(MODEL).stable
        assert live is not None
        for _ in range(cycles):
            for number in range(PER_CYCLE):
                at = self.now + CYCLE * (number / PER_CYCLE)
                writer.append(self._event(at, live.version, length, latency_ms))
                if number % 3 == 0:
                    self._label(at, self.random.random() < accuracy)
            self.now += CYCLE
            writer.rotate(self.now + timedelta(hours=1))
            ship_segments(self.folder, self.stores.objects)
            self.watcher.cycle(self.now)

    def go_live(self, version: str, length: float) -> None:
        artifact, sample = self.folder.parent / version, BytesIO()
        pq.write_table(pa.Table.from_pylist([features(self.random, length) for _ in range(3000)]), sample)
        digest = write_artifact(artifact, Scripted(right), {FILE: sample.getvalue()})
        uri = self.stores.objects.put_folder(f"models/{MODEL}/{version}", artifact)
        ref = ModelRef(name=MODEL, version=version, digest=digest, uri=uri)
        row = self.stores.records.traffic.get(MODEL)
        self.stores.records.traffic.save(Traffic(model=MODEL, stable=ref, revision=row.revision))

    def _event(self, at: datetime, version: str, length: float, latency_ms: float) -> PredictionEvent:
        self.sent += 1
        return PredictionEvent(
            at=at,
            request_id=f"q{self.sent}",
            model=MODEL,
            version=version,
            variant=Variant.STABLE,
            outcome=Outcome.OK,
            candidate_weight=0.0,
            latency_ms=latency_ms * self.random.lognormal(sigma=0.2),
            label="billing",
            confidence=0.9,
            features=features(self.random, length),
        )

    def _label(self, at: datetime, right: bool) -> None:
        label = "billing" if right else "sales"
        self.stores.records.feedback.add(Feedback(f"q{self.sent}", MODEL, label, "eve", at))

    def alerts(self) -> list[tuple[str, AlertStatus]]:
        return [
            (alert.rule, alert.status) for alert in self.stores.records.alerts.list(MODEL, datetime(2026, 1, 1, tzinfo=UTC))
        ]


def features(random: np.random.Generator, length: float) -> dict[str, float]:
    return {"text_chars": random.normal(length), "links": float(random.poisson(2)), "is_html": float(random.random() < 0.3)}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """A real HTTP server; the list of what it was sent. It refuses the first call once, as services do."""
    received: list[dict[str, Any]] = []
    refusals = iter([503])

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = next(refusals, 200)
            if status == 200:
                received.append(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("TRIAGE_TEST_WEBHOOK", f"http://127.0.0.1:{server.server_port}/alerts")
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def started() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def world(tmp_path: Path, webhook: list[dict[str, Any]], started: list[dict[str, Any]]) -> Iterator[World]:
    addresses = Addresses(
        records=f"sqlite:///{tmp_path}/records.db",
        objects=str(tmp_path / "objects"),
        tracking="",
        datasets="",
        dataset_remote="",
    )
    migrate(addresses.records)
    stores = connect(addresses)
    trained = SimpleNamespace(training_details=SimpleNamespace(training_date=datetime(2026, 1, 4, tzinfo=UTC)))
    stores.__dict__["registry"] = SimpleNamespace(get=lambda name, version: trained)

    def start_flow(name: str, parameters: dict[str, Any], key: str) -> str:
        started.append({"flow": name, "key": key, **parameters})
        return f"run-{len(started)}"

    settings = MonitorSettings((MODEL,), addresses, "", tmp_path / "artifacts", MONITORING, ALERTING, LIMITS)
    made = World(stores, tmp_path / "predictions", build_watcher(settings, stores, start_flow))
    made.go_live("1.0.0", length=0.0)
    yield made
    stores.records.close()


def test_stationary_traffic_alerts_nobody(world: World, webhook: list[dict[str, Any]], started: list[dict[str, Any]]) -> None:
    world.pass_time(42)
    assert world.watcher.status.cycles == 42
    assert world.watcher.status.failures == 0
    assert (world.alerts(), webhook, started) == ([], [], [])
    measured = world.stores.records.measurements.between(MODEL, world.now - timedelta(minutes=7), world.now)
    by_metric = {measurement.metric: measurement for measurement in measured}
    assert by_metric["accuracy"].value == pytest.approx(0.97, abs=0.03)
    assert by_metric["requests_per_second"].value == pytest.approx(6.0)
    assert by_metric["drift_score"].value is not None


def test_drift_pages_once_retrains_once_and_resolves_with_the_new_model(
    world: World, webhook: list[dict[str, Any]], started: list[dict[str, Any]]
) -> None:
    world.pass_time(18)
    world.pass_time(30, length=1.5, accuracy=0.7)
    assert sorted(world.alerts()) == [
        ("data_drift_detected", AlertStatus.FIRING),
        ("model_accuracy_degradation", AlertStatus.FIRING),
    ]
    assert sorted(body["key"] for body in webhook) == [f"{MODEL}:data_drift_detected", f"{MODEL}:model_accuracy_degradation"]
    assert [run["flow"] for run in started] == ["retrain_model"]

    world.go_live("2.0.0", length=1.5)
    world.pass_time(30, length=1.5, accuracy=0.97)
    assert sorted(world.alerts()[2:]) == [
        ("data_drift_detected", AlertStatus.RESOLVED),
        ("model_accuracy_degradation", AlertStatus.RESOLVED),
    ]
    assert len(webhook) == 4
    assert len(started) == 1
    assert world.watcher.status.failures == 0
    actions = [event.action for event in world.stores.records.audit.events()]
    # Whether drift or accuracy is seen first depends on when the minute ends; the one that comes second is declined.
    assert sorted(set(actions) - {"retraining_declined"}) == ["alert_firing", "alert_resolved", "retraining_started"]
    assert actions.count("retraining_started") == 1
    assert world.stores.records.audit.verify() == []


def test_drift_between_the_two_limits_alerts_and_declines_to_retrain(
    world: World, webhook: list[dict[str, Any]], started: list[dict[str, Any]]
) -> None:
    world.pass_time(12)
    world.pass_time(12, length=0.5)
    assert ("data_drift_detected", AlertStatus.FIRING) in world.alerts()
    assert started == []
    assert "retraining_declined" in [event.action for event in world.stores.records.audit.events()]


def test_slow_answers_alert_after_their_whole_time(world: World, webhook: list[dict[str, Any]]) -> None:
    world.pass_time(12)
    world.pass_time(3, latency_ms=900)
    assert world.alerts() == []
    world.pass_time(6, latency_ms=900)
    assert [body["rule"] for body in webhook] == ["high_inference_latency"]


def test_an_accuracy_drop_alone_retrains(world: World, started: list[dict[str, Any]]) -> None:
    world.pass_time(12)
    world.pass_time(20, accuracy=0.8)
    assert len(started) == 1
    assert any("accuracy_drop" in reason for reason in started[0]["reasons"])


def test_a_store_that_is_away_is_counted_and_the_watch_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pass_time(1)
    with monkeypatch.context() as patch:
        patch.setattr(world.watcher._log, "events", lambda *_: 1 / 0)
        world.watcher.cycle(world.now)
    world.watcher.cycle(world.now)
    assert (world.watcher.status.cycles, world.watcher.status.failures) == (3, 1)
