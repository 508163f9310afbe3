"""advance: no step without time and proof, no failure left standing, and every rollout ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.model import ModelRef
from libs.common.domain.rollout import Action, Comparison, Rollout, RolloutPhase, Schedule, advance
from libs.common.domain.verdict import Verdict

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERIOD = timedelta(minutes=5)
REF = ModelRef(name="m", version="2", digest="2" * 64, uri="models/2")

weights = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5, unique=True).map(lambda found: (*sorted(found), 1.0))
comparisons = st.builds(
    Comparison, verdicts=st.dictionaries(st.sampled_from(["accuracy", "latency", "errors"]), st.sampled_from(Verdict))
)


def rollout(weights: tuple[float, ...] = (0.05, 0.25, 0.5, 1.0), max_extensions: int = 2, **changed: object) -> Rollout:
    made = Rollout(
        id="r",
        model="m",
        strategy="canary",
        candidate=REF,
        stable=None,
        schedule=Schedule(weights=weights, evaluation_period=PERIOD, max_extensions=max_extensions),
        started_at=AT,
        requested_by="ada",
        phase=RolloutPhase.PROGRESSING,
        step_started_at=AT,
    )
    return made.model_copy(update=changed)


def comparison(verdict: Verdict) -> Comparison:
    return Comparison(verdicts={"accuracy": verdict, "latency": Verdict.PASS})


def test_passes_step_through_every_weight_and_promote() -> None:
    current, now, seen = rollout(), AT, []
    for _ in range(3):
        seen.append(current.weight)
        now += PERIOD
        decision = advance(current, comparison(Verdict.PASS), now)
        current = decision.rollout
    assert seen == [0.05, 0.25, 0.5]
    assert decision.action is Action.PROMOTE
    assert (current.phase, current.weight) == (RolloutPhase.PROMOTING, 0.0)


def test_a_step_says_from_where_to_where_and_starts_its_own_clock() -> None:
    decision = advance(rollout(extensions=2), comparison(Verdict.PASS), AT + 3 * PERIOD)
    assert decision.reason == "passed at 5%, on to 25%"
    assert (decision.rollout.step, decision.rollout.step_started_at, decision.rollout.extensions) == (1, AT + 3 * PERIOD, 0)


def test_a_failure_rolls_back_before_the_period_is_over_and_is_named() -> None:
    found = Comparison(verdicts={"latency": Verdict.FAIL, "accuracy": Verdict.FAIL, "errors": Verdict.PASS})
    decision = advance(rollout(), found, AT)
    assert (decision.action, decision.rollout.phase) == (Action.ROLL_BACK, RolloutPhase.ROLLED_BACK)
    assert decision.reason == decision.rollout.reason == "worse than stable: accuracy, latency"


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.INSUFFICIENT_DATA])
def test_without_proof_a_step_is_extended_and_then_waits_for_a_person(verdict: Verdict) -> None:
    current, now, actions = rollout(), AT, []
    while current.phase is RolloutPhase.PROGRESSING:
        now += PERIOD
        decision = advance(current, comparison(verdict), now)
        actions.append(decision.action)
        current = decision.rollout
    assert actions == [Action.EXTEND, Action.EXTEND, Action.PAUSE]
    assert (current.phase, current.weight, current.step) == (RolloutPhase.PAUSED, 0.0, 0)


def test_nothing_moves_within_the_period() -> None:
    early = advance(rollout(), comparison(Verdict.PASS), AT + PERIOD - timedelta(microseconds=1))
    assert (early.action, early.rollout) == (Action.WAIT, rollout())


@given(st.sampled_from([phase for phase in RolloutPhase if phase is not RolloutPhase.PROGRESSING]), comparisons)
def test_only_a_progressing_rollout_is_moved(phase: RolloutPhase, found: Comparison) -> None:
    decision = advance(rollout(phase=phase), found, AT + 10 * PERIOD)
    assert (decision.action, decision.rollout) == (Action.WAIT, rollout(phase=phase))


@given(comparisons)
def test_a_rollout_whose_step_has_not_begun_waits(found: Comparison) -> None:
    assert advance(rollout(step_started_at=None), found, AT + PERIOD).action is Action.WAIT


@given(weights, st.integers(0, 3), st.lists(st.tuples(comparisons, st.timedeltas(timedelta(0), 2 * PERIOD)), max_size=30))
def test_along_any_course_the_rules_hold(
    weights: tuple[float, ...], extensions: int, ticks: list[tuple[Comparison, timedelta]]
) -> None:
    current, now = rollout(weights, extensions), AT
    for found, passed in ticks:
        now += passed
        before, decision = current, advance(current, found, now)
        current = decision.rollout
        if before.phase is not RolloutPhase.PROGRESSING:
            assert decision.action is Action.WAIT
            continue
        if found.verdict is Verdict.FAIL:
            assert decision.action is Action.ROLL_BACK
        if decision.action in (Action.STEP, Action.PROMOTE):
            assert found.verdict is Verdict.PASS
            assert before.step_started_at is not None
            assert now - before.step_started_at >= PERIOD * (1 + before.extensions)
        assert current.step - before.step == (1 if decision.action is Action.STEP else 0)
        assert current.extensions <= extensions
        if current.phase is RolloutPhase.PROGRESSING:
            assert before.weight <= current.weight < 1


@given(weights, st.integers(0, 3), st.lists(comparisons, min_size=1, max_size=3))
def test_every_rollout_ends(weights: tuple[float, ...], extensions: int, found: list[Comparison]) -> None:
    current, now = rollout(weights, extensions), AT
    most = (len(weights) - 1) * sum(range(1, extensions + 2)) + 1
    for tick in range(most):
        now += PERIOD
        current = advance(current, found[tick % len(found)], now).rollout
    assert current.phase is not RolloutPhase.PROGRESSING


def test_a_rollout_without_any_comparison_is_never_promoted() -> None:
    decision = advance(rollout(weights=(0.5, 1.0), max_extensions=0), Comparison(verdicts={}), AT + PERIOD)
    assert (decision.action, decision.reason) == (Action.PAUSE, "insufficient_data after 0 extensions: a person must decide")


def test_only_the_three_ends_are_final() -> None:
    assert {phase for phase in RolloutPhase if phase.final} == {
        RolloutPhase.SUCCEEDED,
        RolloutPhase.ROLLED_BACK,
        RolloutPhase.FAILED,
    }


@given(st.sampled_from(RolloutPhase), st.integers(0, 3))
def test_the_candidate_has_traffic_only_while_progressing(phase: RolloutPhase, step: int) -> None:
    current = rollout(phase=phase, step=step)
    assert current.weight == (current.schedule.weights[step] if phase is RolloutPhase.PROGRESSING else 0.0)
