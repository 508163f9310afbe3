import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from apps.monitoring import channels
from apps.monitoring.channels import open_channels, post_json
from libs.common.config.alerting import Alerting
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.errors import StoreError

ALERT = Alert(
    rule="high_inference_latency",
    model="email_classifier",
    severity=Severity.HIGH,
    status=AlertStatus.FIRING,
    value=731.4,
    condition="p95_latency > 500ms for 5 minutes",
    at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    runbook="docs/runbooks/high-inference-latency.md",
    action="scale_up_replicas",
)
RESOLVED = ALERT.model_copy(update={"status": AlertStatus.RESOLVED, "value": 80.0})
SECRETS = {
    "SLACK": "https://slack.test/hook",
    "PAGER": "key-1",
    "HOOK": "https://hook.test/alerts",
    "TRIAGE_SMTP_URL": "smtp://ada:p%40ss@mail.test:2525",
}
SETTINGS = Alerting.model_validate(
    {
        "channels": [
            {"type": "slack", "webhook": "${SLACK}", "severity_levels": ["high"]},
            {"type": "pagerduty", "service_key": "${PAGER}", "severity_levels": ["critical"]},
            {"type": "webhook", "url": "${HOOK}", "severity_levels": ["low"]},
            {"type": "email", "recipients": ["ml@company.test"], "severity_levels": ["medium"]},
        ],
        "alert_rules": {},
    }
).channels


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[tuple[str, Any]]]:
    """``answers(status or exception, …)`` sets what the services say in turn; the list of what they were sent."""
    monkeypatch.setattr(channels, "RETRY_AFTER_S", (0.0, 0.0))

    def script(*replies: int | Exception) -> list[tuple[str, Any]]:
        sent: list[tuple[str, Any]] = []
        turns = iter(replies)

        def answer(request: httpx.Request) -> httpx.Response:
            sent.append((str(request.url), json.loads(request.content)))
            reply = next(turns)
            if isinstance(reply, Exception):
                raise reply
            return httpx.Response(reply)

        client = httpx.Client(transport=httpx.MockTransport(answer))
        monkeypatch.setattr(httpx, "post", client.post)
        return sent

    return script


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def test_a_channel_without_its_secret_is_off_and_said_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK", SECRETS["HOOK"])
    opened = open_channels(SETTINGS)
    assert [channel.name for channel in opened] == ["webhook"]
    assert [message for message in caplog.messages if "SLACK" in message] == [
        "channel slack (high) is off: export SLACK to turn it on"
    ]
    assert len(caplog.messages) == 3


@pytest.mark.usefixtures("secrets")
def test_each_service_gets_its_own_shape(answers: Callable[..., list[tuple[str, Any]]]) -> None:
    sent = answers(200, 202, 202, 200)
    slack, pagerduty, webhook, _ = open_channels(SETTINGS)
    slack.send(ALERT)
    pagerduty.send(ALERT)
    pagerduty.send(RESOLVED)
    webhook.send(ALERT)
    assert [url for url, _ in sent] == [SECRETS["SLACK"], *["https://events.pagerduty.com/v2/enqueue"] * 2, SECRETS["HOOK"]]
    said = sent[0][1]["blocks"][0]["text"]["text"]
    assert sent[0][1]["text"].startswith("[FIRING] high_inference_latency on email_classifier")
    assert "docs/runbooks/high-inference-latency.md" in said and "scale_up_replicas" in said
    firing, resolved = sent[1][1], sent[2][1]
    assert (firing["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert firing["dedup_key"] == resolved["dedup_key"] == "email_classifier:high_inference_latency"
    assert (firing["routing_key"], firing["payload"]["severity"]) == ("key-1", "error")
    assert sent[3][1]["key"] == ALERT.key
    assert Alert.model_validate({name: value for name, value in sent[3][1].items() if name != "key"}) == ALERT


def test_a_service_that_is_away_for_a_moment_gets_the_alert(answers: Callable[..., list[tuple[str, Any]]]) -> None:
    sent = answers(503, httpx.ConnectTimeout("slow"), 200)
    post_json("webhook", SECRETS["HOOK"], {"a": 1})
    assert len(sent) == 3


@pytest.mark.parametrize(("replies", "calls"), [((500, 500, 500), 3), ((404,), 1)])
def test_a_refusal_names_the_channel_and_never_its_address(
    replies: tuple[int, ...], calls: int, answers: Callable[..., list[tuple[str, Any]]]
) -> None:
    sent = answers(*replies)
    with pytest.raises(StoreError, match="channel slack did not take the alert: HTTP") as raised:
        post_json("slack", SECRETS["SLACK"], {})
    assert "slack.test" not in str(raised.value)
    assert len(sent) == calls


@pytest.mark.usefixtures("secrets")
def test_mail_goes_through_the_server_in_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[Any] = []

    class Server:
        def __init__(self, host: str, port: int, timeout: float) -> None:
            used.append((host, port))

        def __enter__(self) -> "Server":
            return self

        def __exit__(self, *_: object) -> None:
            used.append("closed")

        def has_extn(self, name: str) -> bool:
            return False

        def login(self, user: str, password: str) -> None:
            used.append((user, password))

        def send_message(self, mail: EmailMessage) -> None:
            used.append((mail["To"], mail["Subject"]))

    monkeypatch.setattr(channels.smtplib, "SMTP", Server)
    open_channels(SETTINGS)[3].send(ALERT)
    subject = "[FIRING] high_inference_latency on email_classifier: p95_latency > 500ms for 5 minutes (now 731.4)"
    assert used == [("mail.test", 2525), ("ada", "p@ss"), ("ml@company.test", subject), "closed"]


def test_a_mail_server_that_is_away_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="channel email"):
        channels.send_mail("smtp://127.0.0.1:1", channels.messages.for_mail(ALERT, "a@b.test", ["c@d.test"]))
