"""Where a promotion begins, goes on after a death, and stops."""

from datetime import timedelta

import pytest

from flows.context import FlowContext
from flows.promote_model import pending_stage, request_of, unreleased
from flows.release_model import approved_for_production
from libs.common.domain.model import Stage
from libs.common.domain.promotion import PromotionOutcome
from libs.common.domain.rollout import Rollout, Schedule
from libs.common.errors import PromotionRefused
from tests.unit.flows.standing import MODEL, NOW, promotion, version


@pytest.mark.parametrize(
    ("stage", "target", "expected"),
    [
        (Stage.NONE, Stage.PRODUCTION, Stage.DEVELOPMENT),
        (Stage.DEVELOPMENT, Stage.PRODUCTION, Stage.STAGING),
        (Stage.STAGING, Stage.PRODUCTION, Stage.PRODUCTION),
        (Stage.STAGING, Stage.STAGING, None),
        (Stage.STAGING, Stage.DEVELOPMENT, None),
        (Stage.PRODUCTION, Stage.STAGING, None),
        (Stage.ARCHIVED, Stage.PRODUCTION, None),
    ],
)
def test_a_version_climbs_stage_by_stage_and_never_beyond_its_target(
    context: FlowContext, stage: Stage, target: Stage, expected: Stage | None
) -> None:
    assert pending_stage(context, version(stage), target) is expected


def test_a_stage_that_the_registry_knows_but_nobody_decided_is_settled_first(context: FlowContext) -> None:
    context.stores.records.promotions.save(promotion(Stage.STAGING))
    assert pending_stage(context, version(Stage.STAGING), Stage.PRODUCTION) is Stage.STAGING


def test_a_request_is_checked_before_anybody_votes(context: FlowContext) -> None:
    assert request_of(context.config, "olga", "production", "").strategy == "canary"
    with pytest.raises(PromotionRefused, match="'archived'"):
        request_of(context.config, "olga", "archived", "canary")
    with pytest.raises(PromotionRefused, match="no strategy 'big_bang'"):
        request_of(context.config, "olga", "production", "big_bang")


def test_an_approval_that_no_release_followed_is_used_and_only_then(context: FlowContext) -> None:
    records, ready = context.stores.records, version(Stage.STAGING)
    records.promotions.save(promotion(Stage.PRODUCTION))
    assert unreleased(context, ready) is None
    approved = records.promotions.save(promotion(Stage.PRODUCTION, outcome=PromotionOutcome.PROMOTE, decided_at=NOW))
    assert unreleased(context, ready) == approved
    released = Rollout(
        id="r1",
        model=MODEL,
        strategy="canary",
        candidate=ready.ref,
        stable=None,
        schedule=Schedule(weights=(1.0,), evaluation_period=timedelta(minutes=1), max_extensions=0),
        started_at=NOW + timedelta(seconds=1),
        requested_by="olga",
    )
    records.rollouts.save(released)
    assert unreleased(context, ready) is None


@pytest.mark.parametrize(
    ("stage", "outcome", "expected"),
    [
        (Stage.PRODUCTION, PromotionOutcome.PROMOTE, True),
        (Stage.PRODUCTION, PromotionOutcome.REFUSE, False),
        (Stage.PRODUCTION, PromotionOutcome.WAIT, False),
        (Stage.STAGING, PromotionOutcome.PROMOTE, False),
    ],
)
def test_only_a_granted_promotion_to_production_allows_a_release(
    stage: Stage, outcome: PromotionOutcome, expected: bool
) -> None:
    assert approved_for_production([promotion(stage, outcome=outcome)], "3") is expected
    assert not approved_for_production([promotion(stage, outcome=outcome)], "2")
