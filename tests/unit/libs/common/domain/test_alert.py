"""evaluate: an alert fires once its condition held long enough, resolves once, and says nothing without data."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.alert import Alert, AlertRule, AlertState, AlertStatus, Severity, evaluate
from libs.common.domain.measurement import Measurement

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOLD = timedelta(minutes=15)
RULE = AlertRule(
    name="low_accuracy",
    condition="accuracy < 0.92 for 15 minutes",
    severity=Severity.HIGH,
    runbook="runbooks/accuracy.md",
    action="trigger_model_retraining",
)
CALM = AlertState(rule="low_accuracy", model="m")

values = st.none() | st.floats(0, 1)
courses = st.lists(st.tuples(values, st.timedeltas(timedelta(seconds=1), timedelta(minutes=20))), max_size=30)


def measured(value: float | None) -> Measurement:
    return Measurement(model="m", metric="accuracy", start=AT, end=AT, value=value, count=10)


def run(course: list[tuple[float | None, timedelta]]) -> list[tuple[datetime, AlertState, Alert | None]]:
    state, now, told = CALM, AT, []
    for value, passed in course:
        now += passed
        state, alert = evaluate(RULE, state, measured(value), now)
        told.append((now, state, alert))
    return told


def test_a_condition_fires_when_it_has_held_and_carries_all_of_its_rule() -> None:
    told = run([(0.9, timedelta(minutes=1)), (0.91, HOLD - timedelta(seconds=1)), (0.89, timedelta(seconds=1))])
    assert [alert for _, _, alert in told[:2]] == [None, None]
    assert told[2][2] == Alert(
        rule="low_accuracy",
        model="m",
        severity=Severity.HIGH,
        status=AlertStatus.FIRING,
        value=0.89,
        condition=RULE.condition,
        at=AT + timedelta(minutes=1) + HOLD,
        runbook="runbooks/accuracy.md",
        action="trigger_model_retraining",
    )


def test_a_rule_without_a_time_fires_at_once() -> None:
    rule = RULE.model_copy(update={"condition": "accuracy < 0.92"})
    state, alert = evaluate(rule, CALM, measured(0.5), AT)
    assert alert is not None
    assert (alert.status, state.firing_since) == (AlertStatus.FIRING, AT)


def test_one_good_window_starts_the_clock_again() -> None:
    half = HOLD / 2
    assert [alert for *_, alert in run([(0.9, half), (0.9, half), (0.95, half), (0.9, half), (0.9, half)])] == [None] * 5


def test_a_missing_value_neither_stops_the_clock_nor_resolves() -> None:
    told = run([(0.9, HOLD), (None, HOLD), (0.9, HOLD), (None, HOLD), (0.95, HOLD)])
    assert [alert and alert.status for *_, alert in told] == [None, None, AlertStatus.FIRING, None, AlertStatus.RESOLVED]


def test_both_ends_of_an_alert_have_one_key() -> None:
    ends = [alert for *_, alert in run([(0.9, HOLD), (0.9, HOLD), (0.95, HOLD)]) if alert]
    assert {alert.key for alert in ends} == {"m:low_accuracy"}


@given(courses)
def test_firing_and_resolving_take_turns(course: list[tuple[float | None, timedelta]]) -> None:
    statuses = [alert.status for *_, alert in run(course) if alert]
    assert statuses == [AlertStatus.FIRING, AlertStatus.RESOLVED] * (len(statuses) // 2) + [AlertStatus.FIRING] * (
        len(statuses) % 2
    )


@given(courses)
def test_an_alert_fires_exactly_when_its_condition_has_held(course: list[tuple[float | None, timedelta]]) -> None:
    bad_since: datetime | None = None
    for (value, _), (now, state, _) in zip(course, run(course), strict=True):
        if value is not None:
            bad_since = (bad_since or now) if value < 0.92 else None
            assert (state.firing_since is not None) == (bad_since is not None and now - bad_since >= HOLD)
        assert state.pending_since == bad_since


@given(courses, st.timedeltas(timedelta(0), timedelta(days=1)))
def test_without_data_nothing_changes(course: list[tuple[float | None, timedelta]], passed: timedelta) -> None:
    state = run(course)[-1][1] if course else CALM
    assert evaluate(RULE, state, measured(None), AT + passed) == (state, None)
