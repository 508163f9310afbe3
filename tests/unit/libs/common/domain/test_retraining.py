"""should_retrain: every reached trigger starts it and is named; the cooldown stops them all; unknown is not reached."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.measurement import Measurement
from libs.common.domain.retraining import RetrainingSignals, RetrainingTrigger, drift_began, should_retrain

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
LIMITS = RetrainingTrigger(
    accuracy_drop=0.03,
    latency_increase=50,
    drift_score=0.15,
    drift_labels=300,
    new_data_volume=10_000,
    frequency="monthly",
    day_of_month=1,
    cooldown=timedelta(hours=6),
)

unknown_or = st.none() | st.floats(0, 1)
signals = st.builds(
    RetrainingSignals,
    accuracy_drop=unknown_or,
    latency_increase=st.none() | st.floats(0, 200),
    drift_score=unknown_or,
    drift_labels=st.integers(0, 600),
    new_labels=st.integers(0, 20_000),
    last_trained_at=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 17), timezones=st.just(UTC)),
    last_started_at=st.none() | st.datetimes(datetime(2026, 3, 16), datetime(2026, 3, 17), timezones=st.just(UTC)),
)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (RetrainingSignals(accuracy_drop=0.03), "accuracy_drop 0.03 reached 0.03"),
        (RetrainingSignals(latency_increase=50), "latency_increase 50 reached 50"),
        (RetrainingSignals(drift_score=0.2, drift_labels=300), "drift_score 0.2 reached 0.15"),
        (RetrainingSignals(new_labels=10_000), "new_data_volume 10000 reached 10000"),
    ],
)
def test_each_trigger_starts_it_alone(found: RetrainingSignals, reason: str) -> None:
    decision = should_retrain(LIMITS, found, NOW)
    assert (decision.start, decision.reasons) == (True, (reason,))


def test_every_reached_trigger_is_named() -> None:
    decision = should_retrain(LIMITS, RetrainingSignals(accuracy_drop=0.1, drift_score=0.3, drift_labels=300), NOW)
    assert [reason.split()[0] for reason in decision.reasons] == ["accuracy_drop", "drift_score"]


def test_below_every_limit_nothing_starts() -> None:
    found = RetrainingSignals(accuracy_drop=0.029, latency_increase=49.9, drift_score=0.149, new_labels=9_999)
    assert should_retrain(LIMITS, found, NOW).reasons == ("no trigger was reached",)


def test_drift_waits_for_labels_and_says_so() -> None:
    decision = should_retrain(LIMITS, RetrainingSignals(drift_score=0.34, drift_labels=299), NOW)
    assert (decision.start, decision.reasons) == (False, ("drift_score 0.34 waits for labels: 299 of 300 came since it began",))


@pytest.mark.parametrize(
    ("scores", "began"),
    [
        ([], None),
        ([0.2, 0.1], None),
        ([0.2, 0.1, 0.15], 2),
        ([0.1, 0.15, None, 0.4, None], 1),
        ([0.3, 0.3], 0),
    ],
)
def test_a_drift_began_with_the_first_of_its_windows(scores: list[float | None], began: int | None) -> None:
    hours = [NOW + timedelta(hours=hour) for hour in range(len(scores) + 1)]
    windows = [
        Measurement(model="m", metric="drift_score", start=start, end=end, value=score, count=500)
        for start, end, score in zip(hours, hours[1:], scores, strict=False)
    ]
    assert drift_began(windows, LIMITS.drift_score) == (None if began is None else hours[began])


def test_nothing_known_starts_nothing() -> None:
    assert not should_retrain(LIMITS, RetrainingSignals(), NOW.replace(day=1)).start


def test_the_schedule_starts_it_once_on_its_day() -> None:
    first = NOW.replace(month=4, day=1)
    trained = RetrainingSignals(last_trained_at=NOW)
    assert should_retrain(LIMITS, trained, first).reasons == ("scheduled for day 1 of the month",)
    assert not should_retrain(LIMITS, trained, first + timedelta(days=1)).start
    assert not should_retrain(LIMITS, RetrainingSignals(last_trained_at=first), first + timedelta(hours=8)).start
    other = LIMITS.model_copy(update={"frequency": "never"})
    assert not should_retrain(other, trained, first).start


def test_the_cooldown_ends() -> None:
    found = RetrainingSignals(drift_score=0.5, drift_labels=300, last_started_at=NOW - LIMITS.cooldown)
    assert should_retrain(LIMITS, found, NOW).start
    early = should_retrain(LIMITS, found, NOW - timedelta(seconds=1))
    assert (early.start, early.reasons) == (False, ("one was started at 2026-03-17 06:00:00",))


@given(signals)
def test_within_the_cooldown_nothing_starts(found: RetrainingSignals) -> None:
    recent = found.model_copy(update={"last_started_at": NOW - LIMITS.cooldown / 2})
    assert not should_retrain(LIMITS, recent, NOW).start


@given(signals)
def test_there_is_always_a_reason(found: RetrainingSignals) -> None:
    assert all(should_retrain(LIMITS, found, NOW).reasons)


@given(signals, st.floats(0, 1), st.integers(0, 20_000))
def test_worse_signals_never_stop_it(found: RetrainingSignals, more: float, labels: int) -> None:
    worse = found.model_copy(
        update={
            "accuracy_drop": (found.accuracy_drop or 0) + more,
            "drift_score": (found.drift_score or 0) + more,
            "drift_labels": found.drift_labels + labels,
            "new_labels": found.new_labels + labels,
        }
    )
    if should_retrain(LIMITS, found, NOW).start:
        assert should_retrain(LIMITS, worse, NOW).start
