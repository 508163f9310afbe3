"""Feedback, alerts, measurements, retrainings and principals."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from libs.common.domain.alert import Alert, AlertState, AlertStatus, Severity
from libs.common.domain.audit import Actor, Role
from libs.common.domain.measurement import Measurement
from libs.common.domain.triage import Attachment, Email, Feedback
from libs.common.errors import NotAuthorised, StoreError
from libs.common.stores.records import Records

AT = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
MODEL = "email_classifier"
EMAIL = Email(
    "<1@x>",
    "ada@x.org",
    "Grüße",
    "text\nmore",
    recipients=("b@x",),
    sent_at=AT,
    attachments=(Attachment("a.pdf", "application/pdf", 9),),
)


def feedback(request_id: str, reporter: str = "ada", second: int = 0, email: Email | None = None) -> Feedback:
    return Feedback(request_id, MODEL, "spam", reporter, AT + timedelta(seconds=second), email)


def test_feedback_is_kept_once_a_request_and_reporter(records: Records) -> None:
    assert records.feedback.add(feedback("r1", email=EMAIL))
    assert not records.feedback.add(feedback("r1", second=5))
    assert records.feedback.add(feedback("r1", reporter="grace"))
    assert records.feedback.between(MODEL, AT, AT + timedelta(minutes=1)) == [
        feedback("r1", email=EMAIL),
        feedback("r1", reporter="grace"),
    ]


def test_the_same_feedback_sent_by_many_at_once_is_added_once(records: Records) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: records.feedback.add(feedback("r1")), range(24)))
    assert added.count(True) == 1


def test_feedback_windows_are_half_open(records: Records) -> None:
    for second in range(4):
        records.feedback.add(feedback(f"r{second}", second=second))
    found = records.feedback.between(MODEL, AT + timedelta(seconds=1), AT + timedelta(seconds=3))
    assert [report.request_id for report in found] == ["r1", "r2"]
    assert records.feedback.between("other", AT, AT + timedelta(days=1)) == []


def test_only_reports_with_their_email_are_handed_over(records: Records) -> None:
    for report in (feedback("r2", second=2, email=EMAIL), feedback("r1", second=1, email=EMAIL), feedback("r3")):
        records.feedback.add(report)
    assert records.feedback.handed_over() == [feedback("r1", second=1, email=EMAIL), feedback("r2", second=2, email=EMAIL)]


def test_labels_are_counted_by_request(records: Records) -> None:
    for request_id, reporter, second in (("r1", "a", 0), ("r2", "a", 1), ("r2", "b", 2), ("r3", "a", 3)):
        records.feedback.add(feedback(request_id, reporter, second))
    assert records.feedback.count_since(MODEL, AT) == 3
    assert records.feedback.count_since(MODEL, AT + timedelta(seconds=2)) == 2
    assert records.feedback.count_since("other", AT) == 0


def test_an_email_with_bytes_that_are_no_text_can_be_handed_over(records: Records) -> None:
    hostile = Email("<1@x>", "a@x", "sub\udc80ject", "nul \x00 and \ud800")
    records.feedback.add(feedback("r1", email=hostile))
    (found,) = records.feedback.between(MODEL, AT, AT + timedelta(seconds=1))
    assert found.email == Email("<1@x>", "a@x", "sub?ject", "nul \x00 and ?")


def test_the_state_of_an_alert_is_calm_at_first_and_then_what_was_saved(records: Records) -> None:
    assert records.alerts.state("slow", MODEL) == AlertState(rule="slow", model=MODEL)
    firing = AlertState(rule="slow", model=MODEL, pending_since=AT, firing_since=AT)
    for state in (AlertState(rule="slow", model=MODEL, pending_since=AT), firing):
        records.alerts.save_state(state)
    assert records.alerts.state("slow", MODEL) == firing
    assert records.alerts.state("slow", "other") == AlertState(rule="slow", model="other")


def test_alerts_are_listed_by_time(records: Records) -> None:
    def alert(second: int) -> Alert:
        return Alert(
            rule="slow",
            model=MODEL,
            severity=Severity.HIGH,
            status=AlertStatus.FIRING,
            value=612.5,
            condition="p95_latency > 500ms",
            at=AT + timedelta(seconds=second),
        )

    for second in (2, 0, 1):
        records.alerts.add(alert(second))
    assert records.alerts.list(MODEL, AT + timedelta(seconds=1)) == [alert(1), alert(2)]


def test_measurements_are_found_by_the_end_of_their_window(records: Records) -> None:
    def measured(metric: str, minute: int, value: float | None) -> Measurement:
        end = AT + timedelta(minutes=minute)
        return Measurement(model=MODEL, metric=metric, start=end - timedelta(minutes=1), end=end, value=value, count=7)

    kept = [
        measured("accuracy", 0, 0.9),
        measured("accuracy", 1, None),
        measured("drift", 1, float("inf")),
        measured("accuracy", 2, 0.8),
    ]
    for each in kept:
        records.measurements.add(each)
    assert records.measurements.between(MODEL, AT, AT + timedelta(minutes=2)) == kept[1:]
    assert records.measurements.between(MODEL, AT, AT + timedelta(minutes=1), "accuracy") == [kept[1]]
    assert records.measurements.delete_before(AT + timedelta(minutes=1)) == 1
    assert records.measurements.between(MODEL, AT - timedelta(minutes=1), AT + timedelta(minutes=2)) == kept[1:]


def test_the_latest_retraining_is_remembered(records: Records) -> None:
    assert records.retrainings.latest(MODEL) is None
    records.retrainings.add(MODEL, AT + timedelta(hours=1), ["drift 0.2 reached 0.15"], "run-2")
    records.retrainings.add(MODEL, AT, [], "run-1")
    latest = records.retrainings.latest(MODEL)
    assert latest is not None
    assert (latest.at, latest.reasons, latest.flow_run_id) == (AT + timedelta(hours=1), ("drift 0.2 reached 0.15",), "run-2")


def test_a_token_authenticates_its_principal_and_nobody_else(records: Records) -> None:
    ada, grace = records.principals.add("ada", Role.APPROVER), records.principals.add("grace", Role.VIEWER)
    assert ada.startswith("tri_")
    assert records.principals.authenticate(ada) == Actor(name="ada", role=Role.APPROVER)
    assert records.principals.authenticate(grace) == Actor(name="grace", role=Role.VIEWER)
    for wrong in ("", "tri_", ada[:-1], ada + "x", grace.upper(), "\ud800"):
        with pytest.raises(NotAuthorised):
            records.principals.authenticate(wrong)


def test_a_name_is_taken_once_and_its_token_ends_with_it(records: Records) -> None:
    token = records.principals.add("ada", Role.APPROVER)
    with pytest.raises(StoreError, match="there is a principal ada already"):
        records.principals.add("ada", Role.VIEWER)
    assert records.principals.list() == [Actor(name="ada", role=Role.APPROVER)]
    assert records.principals.remove("ada")
    assert not records.principals.remove("ada")
    with pytest.raises(NotAuthorised):
        records.principals.authenticate(token)


def test_no_token_is_kept(records: Records, records_url: str) -> None:
    token = records.principals.add("ada", Role.APPROVER)
    engine = create_engine(records_url)
    with engine.connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM principals")).all())
    engine.dispose()
    assert "ada" in kept
    assert token not in kept
    assert token.removeprefix("tri_") not in kept
