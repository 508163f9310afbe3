from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.monitoring.compare import compare
from libs.common.config.deployment_strategies import Analysis
from libs.common.domain.model import ModelRef
from libs.common.domain.rollout import Comparison, Rollout, RolloutPhase, Schedule
from libs.common.domain.triage import Feedback, Outcome, PredictionEvent, Variant
from libs.common.domain.verdict import Verdict
from libs.common.stats.intervals import wilson_interval

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ANALYSIS = Analysis(alpha=0.05, min_requests=50, min_labels=0, latency_limit_ms=500, max_disagreement=0.2)


def rollout(mirror: bool = False, step_started_at: datetime = START) -> Rollout:
    return Rollout(
        id="r1",
        model="email_classifier",
        strategy="canary",
        candidate=ModelRef(name="email_classifier", version="2.0.0", digest="b" * 64, uri="models/b"),
        stable=ModelRef(name="email_classifier", version="1.0.0", digest="a" * 64, uri="models/a"),
        schedule=Schedule(weights=(0.25, 0.5, 1.0), evaluation_period=timedelta(minutes=15), max_extensions=2, mirror=mirror),
        started_at=START,
        requested_by="ada",
        phase=RolloutPhase.PROGRESSING,
        step_started_at=step_started_at,
    )


def event(number: int, candidate: bool = False, **changed: object) -> PredictionEvent:
    said = {
        "at": START + timedelta(milliseconds=100 * number),
        "request_id": f"q{number}",
        "model": "email_classifier",
        "version": "2.0.0" if candidate else "1.0.0",
        "variant": Variant.CANDIDATE if candidate else Variant.STABLE,
        "outcome": Outcome.OK,
        "candidate_weight": 0.25,
        "latency_ms": 20.0,
        "label": "billing",
        "confidence": 0.9,
        "features": {},
    }
    return PredictionEvent(**{**said, **changed})  # type: ignore[arg-type]


def label_for(number: int, label: str, after: timedelta = timedelta(seconds=30), reporter: str = "eve") -> Feedback:
    at = START + timedelta(milliseconds=100 * number) + after
    return Feedback(request_id=f"q{number}", model="email_classifier", label=label, reporter=reporter, at=at)


def traffic(
    random: np.random.Generator, requests: int, error: Sequence[float] = (0, 0), wrong: Sequence[float] = (0.05, 0.05)
) -> tuple[list[PredictionEvent], list[Feedback]]:
    """A split of 25 %, labels for every fifth request; rates are (stable, candidate)."""
    candidate = random.random(requests) < 0.25
    failed = random.random(requests) < np.where(candidate, error[1], error[0])
    mistaken = random.random(requests) < np.where(candidate, wrong[1], wrong[0])
    events = [
        event(
            number,
            candidate=bool(candidate[number]),
            outcome=Outcome.OK if not failed[number] else Outcome.FALLBACK if candidate[number] else Outcome.ERROR,
        )
        for number in range(requests)
    ]
    labels = [label_for(number, "sales" if mistaken[number] else "billing") for number in range(0, requests, 5)]
    return events, labels


def judge(events: list[PredictionEvent], labels: Sequence[Feedback] = (), **changed: object) -> Comparison:
    return compare(events, labels, rollout(), ANALYSIS.model_copy(update=changed))


def test_equal_versions_pass_with_figures() -> None:
    found = judge(*traffic(np.random.default_rng(1), 2000, error=(0.01, 0.01)))
    assert found.verdicts == {"errors": Verdict.PASS, "latency": Verdict.PASS, "accuracy": Verdict.PASS}
    figures = found.figures
    assert figures["errors.candidate.count"] + figures["errors.stable.count"] == 2000
    assert figures["accuracy.candidate.low"] < figures["accuracy.candidate.bad_share"] < figures["accuracy.candidate.high"]
    assert figures["alpha"] == pytest.approx(0.05 / 3)


def test_a_candidate_that_fails_more_often_is_found() -> None:
    found = judge(*traffic(np.random.default_rng(2), 2000, error=(0.005, 0.05)))
    assert found.verdicts["errors"] is Verdict.FAIL
    assert found.verdict is Verdict.FAIL
    assert found.figures["errors.wealth"] > 60


def test_a_candidate_that_is_wrong_more_often_is_found_by_feedback() -> None:
    found = judge(*traffic(np.random.default_rng(3), 2000, wrong=(0.05, 0.4)))
    assert found.verdicts == {"errors": Verdict.PASS, "latency": Verdict.PASS, "accuracy": Verdict.FAIL}


def test_a_fallback_is_the_candidates_failure_whoever_answered() -> None:
    events = [event(number) for number in range(900)]
    events += [event(900 + number, outcome=Outcome.FALLBACK) for number in range(20)]
    assert judge(events).verdicts["errors"] is Verdict.FAIL


def test_fast_enough_passes_although_slower_than_stable() -> None:
    quick = [event(number, candidate=number % 4 == 0) for number in range(2000)]
    slow_at_times = [event(2000 + number, candidate=True, latency_ms=900.0) for number in range(15)]
    found = judge(quick + slow_at_times)
    assert found.figures["latency.candidate.bad_share"] < 0.05
    assert found.verdicts["latency"] is Verdict.PASS


def test_a_slow_candidate_fails_and_a_slow_machine_does_not_count_against_it() -> None:
    slow = [event(n, candidate=n % 4 == 0, latency_ms=900.0 if n % 4 == 0 else 30.0) for n in range(400)]
    assert judge(slow).verdicts["latency"] is Verdict.FAIL
    everything_slow = [event(n, candidate=n % 4 == 0, latency_ms=900.0) for n in range(400)]
    assert judge(everything_slow).verdicts["latency"] is not Verdict.FAIL


def test_without_traffic_there_is_no_verdict() -> None:
    assert judge([]).verdict is Verdict.INSUFFICIENT_DATA
    only_stable = [event(number) for number in range(500)]
    assert judge(only_stable).verdict is Verdict.INSUFFICIENT_DATA


def test_each_step_needs_traffic_of_its_own() -> None:
    events, labels = traffic(np.random.default_rng(4), 1000)
    later = rollout(step_started_at=events[-1].at + timedelta(seconds=1))
    assert compare(events, labels, rollout(), ANALYSIS).verdict is Verdict.PASS
    assert compare(events, labels, later, ANALYSIS).verdict is Verdict.INSUFFICIENT_DATA


def test_labels_are_waited_for_only_where_the_settings_ask_for_them() -> None:
    events, labels = traffic(np.random.default_rng(5), 1000)
    assert "accuracy" not in judge(events).verdicts
    assert judge(events).verdict is Verdict.PASS
    assert judge(events, labels[:10], min_labels=20).verdicts["accuracy"] is Verdict.INSUFFICIENT_DATA
    assert judge(events, labels, min_labels=20).verdicts["accuracy"] is Verdict.PASS


def test_evidence_that_leans_against_the_candidate_is_inconclusive() -> None:
    events = [event(number, candidate=number % 4 == 0) for number in range(400)]
    events += [event(500 + number, candidate=True, outcome=Outcome.FALLBACK) for number in range(3)]
    assert judge(events).verdicts["errors"] is Verdict.INCONCLUSIVE


def test_of_several_labels_for_one_request_the_first_counts() -> None:
    events = [event(0, candidate=True), event(1)]
    late = label_for(0, "sales", after=timedelta(hours=1), reporter="mallory")
    found = judge(events, [late, label_for(0, "billing"), label_for(1, "billing")])
    assert found.figures["accuracy.candidate.bad_share"] == 0.0
    assert found.figures["accuracy.known"] == 1.0


def test_requests_before_the_release_and_of_other_models_are_left_out() -> None:
    before = [event(-number, candidate=True, outcome=Outcome.ERROR) for number in range(1, 50)]
    other = [event(number, candidate=True, outcome=Outcome.ERROR, model="email_summarizer") for number in range(50)]
    assert judge(before + other).figures["errors.candidate.count"] == 0.0


def test_mirrored_answers_are_compared_in_pairs() -> None:
    def mirrored(number: int, said: str) -> PredictionEvent:
        return event(number, candidate_weight=0.0, mirror_label=said)

    labels = [label_for(number, "billing") for number in range(100)]
    alike = [mirrored(number, "billing" if number % 20 else "sales") for number in range(100)]
    worse = [mirrored(number, "billing" if number % 2 else "sales") for number in range(100)]
    passed = compare(alike, labels[:50], rollout(mirror=True), ANALYSIS)
    failed = compare(worse, labels, rollout(mirror=True), ANALYSIS)
    assert passed.verdicts == {"disagreement": Verdict.PASS, "accuracy": Verdict.PASS}
    assert failed.verdicts == {"disagreement": Verdict.FAIL, "accuracy": Verdict.FAIL}


def test_the_same_mail_sent_again_is_no_new_evidence_of_accuracy() -> None:
    """A pool of 40 mails sent 50 times over: three of six hard ones are the candidate's by chance, and fail each time."""
    pool = [(bucket, bucket % 4 == 0, bucket in (0, 4, 9, 13, 16, 21)) for bucket in range(40)]
    events = [
        event(round_ * 40 + bucket, candidate=candidate, traffic_bucket=bucket)
        for round_ in range(50)
        for bucket, candidate, _ in pool
    ]
    labels = [
        label_for(round_ * 40 + bucket, "sales" if hard else "billing") for round_ in range(50) for bucket, _, hard in pool
    ]
    once = judge(events, labels)
    assert once.verdicts["accuracy"] is not Verdict.FAIL
    assert once.figures["accuracy.known"] == 10.0
    unknown_buckets = [replace(sent, traffic_bucket=None) for sent in events]
    assert judge(unknown_buckets, labels).verdicts["accuracy"] is Verdict.FAIL


def test_a_replay_from_the_same_log_in_any_order_is_identical() -> None:
    events, labels = traffic(np.random.default_rng(6), 800, error=(0.01, 0.02))
    assert judge(events, labels) == judge(events[::-1], labels[::-1])


def test_equal_candidates_are_rarely_rolled_back_over_the_whole_comparison() -> None:
    random = np.random.default_rng(7)
    replays = 150
    failed = sum(
        judge(*traffic(random, 600, error=(0.02, 0.02), wrong=(0.1, 0.1))).verdict is Verdict.FAIL for _ in range(replays)
    )
    assert wilson_interval(failed, replays).high <= 0.05
