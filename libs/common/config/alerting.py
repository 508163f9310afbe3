"""Schema of ``config/alerting.yaml``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from libs.common.config.section import Secret, SecretField, Section
from libs.common.domain.alert import AlertRule, Severity
from libs.common.notation import parse_condition


def _checked(condition: str) -> str:
    parse_condition(condition)
    return condition


class SlackChannel(Section):
    """A Slack incoming webhook."""

    type: Literal["slack"]
    webhook: SecretField
    severity_levels: tuple[Severity, ...]


class PagerDutyChannel(Section):
    """A PagerDuty Events v2 service."""

    type: Literal["pagerduty"]
    service_key: SecretField
    severity_levels: tuple[Severity, ...]
    url: str = "https://events.pagerduty.com/v2/enqueue"


class EmailChannel(Section):
    """People who get mail, through the server at ``smtp`` (``smtp://user:password@host:587``, or ``smtps://``)."""

    type: Literal["email"]
    recipients: tuple[str, ...]
    severity_levels: tuple[Severity, ...]
    smtp: SecretField = Secret("TRIAGE_SMTP_URL")
    sender: str = "triage@localhost"


class WebhookChannel(Section):
    """Any service that takes the alert as JSON."""

    type: Literal["webhook"]
    url: SecretField
    severity_levels: tuple[Severity, ...]


Channel = Annotated[SlackChannel | PagerDutyChannel | EmailChannel | WebhookChannel, Field(discriminator="type")]


class RuleText(Section):
    """One rule as written; ``action`` and ``auto_mitigation`` name what the product itself does."""

    condition: Annotated[str, AfterValidator(_checked)]
    severity: Severity
    runbook: str | None = None
    auto_mitigation: Literal["scale_up_replicas"] | None = None
    action: Literal["trigger_model_retraining"] | None = None


class Alerting(Section):
    """When people are told, and how."""

    channels: tuple[Channel, ...]
    alert_rules: dict[str, RuleText]

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """The rules as the domain judges them."""
        return tuple(
            AlertRule(
                name=name,
                condition=rule.condition,
                severity=rule.severity,
                runbook=rule.runbook,
                action=rule.action or rule.auto_mitigation,
            )
            for name, rule in self.alert_rules.items()
        )
