from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.monitoring.measure import (
    Window,
    measure_accuracy,
    measure_drift,
    measure_latency,
    measure_requests,
    sample_features,
)
from apps.monitoring.trials import Labelled, join_feedback
from apps.monitoring.watch import in_unit
from libs.common.config.monitoring import DataDriftDetection
from libs.common.domain.triage import Feedback, Outcome, PredictionEvent, Variant

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
WINDOW = Window.before("email_classifier", NOW, timedelta(minutes=1))
DRIFT = DataDriftDetection.model_validate(
    {
        "method": "kolmogorov_smirnov",
        "reference_dataset": "emails",
        "drift_threshold": 0.1,
        "monitoring_frequency": "1 minute",
        "min_sample": 100,
        "max_sample": 1000,
        "false_alarm_rate": 0.001,
    }
)


def event(number: int, latency_ms: float = 10.0, outcome: Outcome = Outcome.OK, **features: float) -> PredictionEvent:
    return PredictionEvent(
        at=NOW - timedelta(seconds=30),
        request_id=f"q{number}",
        model="email_classifier",
        version="1.0.0",
        variant=Variant.STABLE,
        outcome=outcome,
        candidate_weight=0.0,
        latency_ms=latency_ms,
        label="billing",
        confidence=0.9,
        features=features,
    )


def labelled(right: int, wrong: int) -> Sequence[Labelled]:
    labels = ["billing"] * right + ["sales"] * wrong
    events = [event(number) for number in range(len(labels))]
    return join_feedback(
        events,
        [Feedback(f"q{number}", "email_classifier", label, "eve", NOW) for number, label in enumerate(labels)],
    )


def test_accuracy_carries_its_label_count_and_interval() -> None:
    found = measure_accuracy(WINDOW, labelled(90, 10), min_labels=100)
    assert (found.value, found.count) == (0.9, 100)
    assert found.low is not None and found.high is not None and found.low < 0.9 < found.high


def test_too_few_labels_are_no_figure_but_still_counted() -> None:
    found = measure_accuracy(WINDOW, labelled(90, 9), min_labels=100)
    assert (found.value, found.count) == (None, 99)


def test_latency_percentiles_are_in_milliseconds() -> None:
    found = measure_latency(WINDOW, [event(number, latency_ms=float(number)) for number in range(1, 102)], 100)
    assert {measured.metric: measured.value for measured in found} == {
        "p50_latency": 51.0,
        "p95_latency": 96.0,
        "p99_latency": 100.0,
    }
    assert {measured.unit for measured in found} == {"ms"}


@pytest.mark.parametrize("requests", [0, 99])
def test_too_few_requests_give_no_latency(requests: int) -> None:
    found = measure_latency(WINDOW, [event(number) for number in range(requests)], 100)
    assert [(measured.value, measured.count) for measured in found] == [(None, requests)] * 3


def test_a_fallback_is_an_answer_and_an_error_is_none() -> None:
    outcomes = [Outcome.OK] * 7 + [Outcome.FALLBACK] * 2 + [Outcome.ERROR]
    per_second, errors = measure_requests(WINDOW, [event(n, outcome=outcome) for n, outcome in enumerate(outcomes)])
    assert per_second.value == pytest.approx(10 / 60)
    assert errors.value == pytest.approx(0.1)


def test_no_requests_are_no_error_rate() -> None:
    per_second, errors = measure_requests(WINDOW, [])
    assert (per_second.value, errors.value) == (0.0, None)


def test_drift_names_every_distance_and_needs_a_reference() -> None:
    random = np.random.default_rng(1)
    live = {"words": random.normal(1.0, size=300), "links": random.normal(size=300)}
    reference = {"words": random.normal(size=300), "links": random.normal(size=300)}
    found = measure_drift(WINDOW, live, reference, DRIFT)
    assert found.value is not None and found.value == found.detail["words"] > 0.3
    assert set(found.detail) == {"words", "links"}
    assert measure_drift(WINDOW, live, {}, DRIFT).value is None


@given(st.integers(0, 60), st.integers(1, 40))
@settings(max_examples=40)
def test_the_sample_is_bounded_repeatable_and_of_what_was_there(events: int, most: int) -> None:
    stream = [event(number, words=float(number)) for number in range(events)]
    first, second = (sample_features(stream, most, "seed") for _ in range(2))
    values = first.get("words", np.array([]))
    assert len(values) == min(events, most)
    assert len(set(values)) == len(values) and set(values) <= set(range(events))
    assert values.tolist() == second.get("words", np.array([])).tolist()


def test_the_sample_is_drawn_evenly() -> None:
    stream = [event(number, words=float(number)) for number in range(200)]
    means = [sample_features(stream, 50, f"seed {seed}")["words"].mean() for seed in range(200)]
    assert np.mean(means) == pytest.approx(99.5, abs=2.0)


def test_a_condition_in_another_unit_reads_the_same_measurement() -> None:
    measured = measure_latency(WINDOW, [event(number, latency_ms=900.0) for number in range(100)], 100)[1]
    assert in_unit(measured, "s").value == pytest.approx(0.9)
    assert in_unit(measured, "ms").value == in_unit(measured, "").value == 900.0
