"""A small made-up account in which every promise was kept; tests break one promise at a time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from apps.console.demo.account import CALM, DRIFTED, FRESH, Account, Limits
from apps.console.demo.chronicle import Chronicle
from apps.console.demo.load_records import Kind, SentRequest, count
from apps.console.demo.mailbox import MailAnswer, TriagedMailbox
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.domain.measurement import Measurement
from libs.common.domain.model import (
    DeploymentRequirements,
    ModelRef,
    ModelVersion,
    PerformanceMetrics,
    TrainingDetails,
)
from libs.common.domain.retraining import Retraining
from libs.common.domain.rollout import Rollout, RolloutPhase, Schedule

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "email_classifier"
ENDED = BEGAN + timedelta(seconds=90)


def at(seconds: float) -> datetime:
    """So many seconds after the story began."""
    return BEGAN + timedelta(seconds=seconds)


def request(number: int, second: float, version: str, right: bool, part: str = CALM) -> SentRequest:
    """One answered e-mail."""
    label = "billing" if right else "spam"
    due = BEGAN.timestamp() + second
    fields = {"label": label, "version": version, "variant": "stable", "outcome": "ok", "answered_id": f"r{number}"}
    return SentRequest(Kind.CLASSIFY, f"r{number}", part, due, 5.0 + number % 7, 200, "billing", **fields)


def traffic() -> Iterator[SentRequest]:
    """Ten e-mails a second: 95 % right, the worse model never, the old one half on drifted mail, the new one 90 %."""
    for number in range(900):
        second, turn = number / 10, number % 20
        if second < 30:
            worse = second >= 20 and turn == 0
            yield request(number, second, "2" if worse else "1", not worse and turn > 0)
        elif second < 60:
            yield request(number, second, "1", turn < 10, DRIFTED)
        else:
            yield request(number, second, "3", turn > 1, FRESH)


def version(number: str, accuracy: float) -> ModelVersion:
    """A registered version."""
    metrics = PerformanceMetrics(
        accuracy=accuracy,
        precision=accuracy,
        recall=accuracy,
        f1_score=accuracy,
        inference_latency_p95_ms=4.0,
        accuracy_low=accuracy - 0.02,
        accuracy_high=accuracy + 0.02,
        calibration_error=0.02,
        holdout_rows=400,
        per_class_recall={},
    )
    training = TrainingDetails(
        dataset_version="emails/v1.0.0",
        dataset_digest="d",
        training_duration_hours=0.01,
        compute_cost_usd=0.0,
        training_date=BEGAN,
        seed=0,
    )
    needs = DeploymentRequirements(
        memory_mb=100, cpu_cores=1, gpu_required=False, python_version=">=3.11", dependencies="requirements.txt"
    )
    return ModelVersion(
        model_name=MODEL,
        version=number,
        framework="scikit-learn",
        architecture="TF-IDF + logistic regression",
        family="tabular",
        labels=("billing", "spam"),
        digest=number * 64,
        uri="file:///models",
        performance_metrics=metrics,
        training_details=training,
        deployment_requirements=needs,
    )


def release(number: str, phase: RolloutPhase, reason: str, began: float) -> Rollout:
    """How a version was released."""
    return Rollout(
        id=f"release-{number}",
        model=MODEL,
        strategy="canary",
        candidate=ModelRef(name=MODEL, version=number, digest=number * 64, uri="file:///models"),
        stable=None,
        schedule=Schedule(weights=(0.05, 1.0), evaluation_period=timedelta(seconds=6), max_extensions=1),
        started_at=at(began),
        requested_by="erin",
        phase=phase,
        reason=reason,
        finished_at=at(began + 5),
    )


def mailbox() -> TriagedMailbox:
    """Three e-mails, triaged by the first version, one of them wrongly."""
    sent = {"calm:1": "billing", "calm:2": "spam", "calm:3": "billing"}
    return TriagedMailbox(sent, [MailAnswer(name, "billing", "1") for name in sent], seconds=4.0)


def account() -> Account:
    """The whole story."""
    story = Chronicle(BEGAN)
    for second, title, about in ((1, "first release", "1"), (20, "worse model canaried", "2"), (30, "traffic drifts", "")):
        story.note(title, "as planned", about, at(second))
    requests = tuple(traffic())
    drift = Measurement(model=MODEL, metric="drift_score", start=at(30), end=at(40), value=0.3, count=100)
    accuracy = Measurement(model=MODEL, metric="accuracy", start=at(0), end=at(20), value=0.95, low=0.9, high=0.98, count=100)
    alert = Alert(
        rule="data_drift_detected",
        model=MODEL,
        severity=Severity.MEDIUM,
        status=AlertStatus.FIRING,
        value=0.3,
        condition="drift_score > 0.1",
        at=at(40),
    )
    return Account(
        source="synthetic://?n=100",
        chronicle=story,
        limits=Limits(accuracy=0.92, drift_alert=0.1, drift_retrain=0.15, latency_ms=500),
        requests=requests,
        counts=count(requests),
        measurements=(accuracy, drift),
        models=(version("1", 0.95), version("2", 0.94), version("3", 0.93)),
        releases=(
            release("1", RolloutPhase.SUCCEEDED, "no stable version to compare with", 0),
            release("2", RolloutPhase.ROLLED_BACK, "worse than stable: accuracy", 20),
            release("3", RolloutPhase.SUCCEEDED, "every step passed", 55),
        ),
        alerts=(alert,),
        retrainings=(Retraining(model=MODEL, at=at(41), reasons=("drift_score 0.3 reached 0.15",), flow_run_id="run"),),
        mailbox=mailbox(),
        audit_records=12,
        champion="1",
        worse="2",
        retrained="3",
    )


def with_requests(told: Account, *more: SentRequest) -> Account:
    """The account with more requests, counted."""
    requests = (*told.requests, *more)
    return replace(told, requests=requests, counts=count(requests))
