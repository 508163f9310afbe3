from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from apps.monitoring.channels import OpenChannel
from apps.monitoring.respond import RETRAIN, Responder
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.errors import StoreError

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def alert(severity: Severity = Severity.HIGH, status: AlertStatus = AlertStatus.FIRING, action: str | None = None) -> Alert:
    return Alert(
        rule="rule",
        model="email_classifier",
        severity=severity,
        status=status,
        value=0.5,
        condition="drift_score > 0.1",
        at=NOW,
        action=action,
    )


@pytest.fixture
def kept() -> list[Any]:
    return []


@pytest.fixture
def records(kept: list[Any]) -> Any:
    def append(actor: Any, action: str, subject: str, details: dict[str, Any], at: datetime) -> None:
        kept.append((action, subject, details["channels"]))

    return SimpleNamespace(alerts=SimpleNamespace(add=lambda added: kept.append(added)), audit=SimpleNamespace(append=append))


def channel(name: str, *severities: Severity, told: list[str] | None = None) -> OpenChannel:
    def send(sent: Alert) -> None:
        if told is None:
            raise StoreError(f"channel {name} did not take the alert")
        told.append(f"{name}:{sent.status}")

    return OpenChannel(name, severities, send)


def test_an_alert_reaches_the_channels_of_its_severity_and_the_audit_chain(records: Any, kept: list[Any]) -> None:
    told: list[str] = []
    channels = [
        channel("pager", Severity.CRITICAL, told=told),
        channel("slack", Severity.CRITICAL, Severity.HIGH, told=told),
    ]
    Responder(records, channels, {}).respond(alert())
    assert told == ["slack:firing"]
    assert kept == [alert(), ("alert_firing", "email_classifier:rule", ["slack"])]


def test_a_broken_channel_stops_neither_the_next_nor_the_action(records: Any) -> None:
    told: list[str] = []
    acted: list[str] = []
    responder = Responder(
        records,
        [channel("slack", Severity.HIGH), channel("hook", Severity.HIGH, told=told)],
        {"scale_up_replicas": lambda asked: acted.append(asked.model)},
    )
    responder.respond(alert(action="scale_up_replicas"))
    assert (told, acted, responder.undelivered) == (["hook:firing"], ["email_classifier"], 1)


@pytest.mark.parametrize(
    ("status", "action", "acted"),
    [
        (AlertStatus.FIRING, "scale_up_replicas", 1),
        (AlertStatus.RESOLVED, "scale_up_replicas", 0),
        (AlertStatus.FIRING, "unknown", 0),
        (AlertStatus.FIRING, RETRAIN, 0),
    ],
)
def test_only_a_firing_alert_acts_and_only_by_what_is_there(records: Any, status: AlertStatus, action: str, acted: int) -> None:
    done: list[Alert] = []
    Responder(records, [], {"scale_up_replicas": done.append}).respond(alert(status=status, action=action))
    assert len(done) == acted


def test_an_alert_that_cannot_be_recorded_is_raised_before_anyone_is_told(records: Any) -> None:
    def fail(_: Alert) -> None:
        raise StoreError("records: away")

    told: list[str] = []
    records.alerts.add = fail
    with pytest.raises(StoreError):
        Responder(records, [channel("hook", Severity.HIGH, told=told)], {}).respond(alert())
    assert told == []
