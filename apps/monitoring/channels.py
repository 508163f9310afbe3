"""How an alert leaves the house: Slack, PagerDuty, e-mail or any webhook. A channel without its secret is switched off."""

import smtplib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from apps.monitoring import messages
from libs.common.config.alerting import Channel, EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel
from libs.common.config.section import Secret
from libs.common.domain.alert import Alert, Severity
from libs.common.errors import StoreError
from libs.common.logs import get_logger

logger = get_logger("monitoring.channels")

TIMEOUT_S = 5.0
# Waits before the second and third attempt: a channel that is away must not hold up the next measurement for long.
RETRY_AFTER_S = (0.2, 1.0)
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """A channel that can be reached, and the severities that it takes. ``send`` raises StoreError."""

    name: str
    severities: tuple[Severity, ...]
    send: Callable[[Alert], None]


def open_channels(settings: Sequence[Channel]) -> list[OpenChannel]:
    """The channels whose secret is set; each of the others is named in the log, once."""
    opened: list[OpenChannel] = []
    for channel in settings:
        secret = _secret_of(channel)
        if address := secret.reveal():
            opened.append(OpenChannel(channel.type, channel.severity_levels, _sender(channel, address)))
        else:
            severities = ", ".join(channel.severity_levels)
            logger.warning("channel %s (%s) is off: export %s to turn it on", channel.type, severities, secret.variable)
    return opened


def _secret_of(channel: Channel) -> Secret:
    match channel:
        case SlackChannel():
            return channel.webhook
        case PagerDutyChannel():
            return channel.service_key
        case EmailChannel():
            return channel.smtp
        case WebhookChannel():
            return channel.url


def _sender(channel: Channel, secret: str) -> Callable[[Alert], None]:
    match channel:
        case SlackChannel():
            return lambda alert: post_json("slack", secret, messages.for_slack(alert))
        case PagerDutyChannel():
            return lambda alert: post_json("pagerduty", channel.url, messages.for_pagerduty(alert, secret))
        case EmailChannel():
            return lambda alert: send_mail(secret, messages.for_mail(alert, channel.sender, channel.recipients))
        case WebhookChannel():
            return lambda alert: post_json("webhook", secret, messages.for_webhook(alert))


def post_json(channel: str, url: str, body: dict[str, Any]) -> None:
    """POST ``body``, up to three times; StoreError, which never shows the address, when nobody took it."""
    problem = ""
    for wait_s in (*RETRY_AFTER_S, None):
        try:
            status = httpx.post(url, json=body, timeout=TIMEOUT_S).status_code
            if status < 400:
                return
            problem = f"HTTP {status}"
            if status not in _TRY_AGAIN:
                break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = type(error).__name__
        if wait_s is not None:
            time.sleep(wait_s)
    raise StoreError(f"channel {channel} did not take the alert: {problem}", "check the secret that holds its address")


def send_mail(server: str, mail: EmailMessage) -> None:
    """Send through ``smtp://user:password@host:port`` (TLS where offered) or ``smtps://``; StoreError on failure."""
    address = urlsplit(server)
    connect = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    try:
        with connect(address.hostname or "", address.port or 0, timeout=TIMEOUT_S) as connection:
            if connection.has_extn("starttls"):
                connection.starttls()
            if address.username:
                connection.login(unquote(address.username), unquote(address.password or ""))
            connection.send_message(mail)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        problem = f"channel email did not take the alert: {type(error).__name__}"
        raise StoreError(problem, "write smtp://user:password@host:587 or smtps://… into its secret") from error
