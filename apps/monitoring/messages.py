"""What an alert says, in the words and shapes of each channel. Figures and names only: never content of an e-mail."""

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from libs.common.domain.alert import Alert, AlertStatus, Severity

# PagerDuty Events v2 knows four severities of its own.
_PAGERDUTY = {Severity.CRITICAL: "critical", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "info"}


def headline(alert: Alert) -> str:
    """``[FIRING] high_inference_latency on email_classifier: p95_latency > 500ms for 5 minutes (now 731)``."""
    return f"[{alert.status.upper()}] {alert.rule} on {alert.model}: {alert.condition} (now {alert.value:.4g})"


def body(alert: Alert) -> str:
    """The headline and, below it, how severe it is, since when, what the product does and what a person does."""
    lines = [headline(alert), f"Severity: {alert.severity}", f"At: {alert.at:%F %T %Z}"]
    lines += [f"Action: {alert.action}"] if alert.action else []
    lines += [f"Runbook: {alert.runbook}"] if alert.runbook else []
    return "\n".join(lines)


def for_webhook(alert: Alert) -> dict[str, Any]:
    """Every field of the alert, and ``key``, which joins its two ends."""
    return {"key": alert.key, **alert.model_dump(mode="json")}


def for_slack(alert: Alert) -> dict[str, Any]:
    """An incoming-webhook message: text for notifications, Block Kit for the channel."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": body(alert)}}
    return {"text": headline(alert), "blocks": [section]}


def for_pagerduty(alert: Alert, service_key: str) -> dict[str, Any]:
    """An Events v2 event: both ends carry the same ``dedup_key``, so that the second resolves the first."""
    return {
        "routing_key": service_key,
        "event_action": "trigger" if alert.status is AlertStatus.FIRING else "resolve",
        "dedup_key": alert.key,
        "payload": {
            "summary": headline(alert),
            "source": alert.model,
            "severity": _PAGERDUTY[alert.severity],
            "timestamp": alert.at.isoformat(),
            "custom_details": for_webhook(alert),
        },
    }


def for_mail(alert: Alert, sender: str, recipients: Sequence[str]) -> EmailMessage:
    """A plain-text mail."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = headline(alert), sender, ", ".join(recipients)
    mail.set_content(body(alert))
    return mail
