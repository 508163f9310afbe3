"""Who may go live, and which rollout may be gone on with."""

from datetime import timedelta

import pytest

from flows.context import FlowContext
from flows.release_model import begin, schedule_of, take_up
from libs.common.domain.model import ModelRef, Stage
from libs.common.domain.promotion import PromotionOutcome
from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.domain.traffic import Traffic
from libs.common.errors import PromotionRefused
from tests.unit.flows.standing import MODEL, NOW, promotion, version

STABLE = ModelRef(name=MODEL, version="1", digest="a" * 64, uri="objects/1")


@pytest.fixture
def approved(context: FlowContext) -> FlowContext:
    context.stores.records.promotions.save(promotion(Stage.PRODUCTION, outcome=PromotionOutcome.PROMOTE, decided_at=NOW))
    context.stores.records.traffic.save(Traffic(model=MODEL, stable=STABLE))
    return context


def test_nothing_goes_live_without_its_approval(context: FlowContext) -> None:
    with pytest.raises(PromotionRefused, match="not approved for production"):
        begin(context, MODEL, "3", "canary", "olga")
    assert context.stores.records.rollouts.unfinished() == []


def test_a_shadow_answers_nobody_and_needs_no_approval(context: FlowContext) -> None:
    assert begin(context, MODEL, "3", "shadow", "olga").schedule.mirror


def test_a_version_that_is_live_is_not_released_again(approved: FlowContext) -> None:
    row = approved.stores.records.traffic.get(MODEL)
    approved.stores.records.traffic.save(row.alone(version().ref, warm=(STABLE,)))
    with pytest.raises(PromotionRefused, match="already"):
        begin(approved, MODEL, "3", "canary", "olga")


def test_one_release_of_a_model_at_a_time(approved: FlowContext) -> None:
    begun = begin(approved, MODEL, "3", "canary", "olga")
    assert (begun.stable, approved.stores.records.rollouts.get(begun.id)) == (STABLE, begun)
    with pytest.raises(PromotionRefused, match=begun.id):
        begin(approved, MODEL, "3", "canary", "olga")


def held(context: FlowContext, phase: RolloutPhase, lease: timedelta) -> Rollout:
    """A rollout in its second step whose lease runs for ``lease`` from now on."""
    begun = begin(context, MODEL, "3", "canary", "olga").model_copy(update={"phase": phase, "step": 1, "extensions": 2})
    row = context.stores.records.traffic.get(MODEL)
    changes = {"candidate": begun.candidate, "weight": 0.25, "lease_expires_at": context.now() + lease}
    context.stores.records.traffic.save(row.model_copy(update=changes))
    return context.stores.records.rollouts.save(begun)


@pytest.mark.parametrize("phase", [RolloutPhase.PROGRESSING, RolloutPhase.PAUSED])
def test_what_nobody_drives_prepares_its_slot_again_and_keeps_its_step(approved: FlowContext, phase: RolloutPhase) -> None:
    left = held(approved, phase, -timedelta(seconds=1))
    again = take_up(approved, left.id)
    assert (again.phase, again.step, again.extensions) == (RolloutPhase.PREPARING, 1, 0)
    assert approved.stores.records.rollouts.get(left.id) == again


def test_what_another_run_drives_is_not_taken_from_it(approved: FlowContext) -> None:
    left = held(approved, RolloutPhase.PROGRESSING, timedelta(minutes=1))
    with pytest.raises(PromotionRefused, match="driven by another"):
        take_up(approved, left.id)


def test_what_is_over_is_not_begun_again(approved: FlowContext) -> None:
    left = held(approved, RolloutPhase.ROLLED_BACK, -timedelta(seconds=1))
    with pytest.raises(PromotionRefused, match="rolled_back already"):
        take_up(approved, left.id)


def test_an_unknown_strategy_names_those_there_are(context: FlowContext) -> None:
    with pytest.raises(PromotionRefused, match="no strategy 'big_bang'") as refused:
        schedule_of(context.config.deployment_strategies, "big_bang")
    assert "blue_green" in refused.value.hint
