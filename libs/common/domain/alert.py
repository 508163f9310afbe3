"""Alert rules: when a measurement becomes an alert, and when the alert is over."""

from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.domain.measurement import Measurement
from libs.common.domain.value import Value
from libs.common.notation import parse_condition


class Severity(StrEnum):
    """How loud an alert is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlertRule(Value):
    """One rule of alerting.yaml. ``action`` is what the product itself does; ``runbook`` what a person does."""

    name: str
    condition: str
    severity: Severity
    runbook: str | None = None
    action: str | None = None


class AlertState(Value):
    """What is remembered of a rule between windows: since when its condition holds, and whether it fires."""

    rule: str
    model: str
    pending_since: datetime | None = None
    firing_since: datetime | None = None


class AlertStatus(StrEnum):
    """The two ends of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Value):
    """A change that people are told of. ``key`` is the same at both ends, so that channels can join them."""

    rule: str
    model: str
    severity: Severity
    status: AlertStatus
    value: float
    condition: str
    at: datetime
    runbook: str | None = None
    action: str | None = None

    @property
    def key(self) -> str:
        """``model:rule``."""
        return f"{self.model}:{self.rule}"


def evaluate(rule: AlertRule, state: AlertState, measured: Measurement, now: datetime) -> tuple[AlertState, Alert | None]:
    """The rule's next state, and the alert to send where it starts or stops firing.

    A condition must hold for its whole ``for`` time before it fires. Without a value nothing changes: missing data neither
    pages nor resolves.
    """
    if measured.value is None:
        return state, None
    condition = parse_condition(rule.condition)
    if not condition.holds(measured.value):
        calm = AlertState(rule=rule.name, model=state.model)
        return calm, _alert(rule, state, AlertStatus.RESOLVED, measured.value, now) if state.firing_since else None
    since = state.pending_since or now
    if state.firing_since or now - since < max(condition.hold, timedelta(0)):
        return state.model_copy(update={"pending_since": since}), None
    firing = AlertState(rule=rule.name, model=state.model, pending_since=since, firing_since=now)
    return firing, _alert(rule, state, AlertStatus.FIRING, measured.value, now)


def _alert(rule: AlertRule, state: AlertState, status: AlertStatus, value: float, now: datetime) -> Alert:
    return Alert(
        rule=rule.name,
        model=state.model,
        severity=rule.severity,
        status=status,
        value=value,
        condition=rule.condition,
        at=now,
        runbook=rule.runbook,
        action=rule.action,
    )
