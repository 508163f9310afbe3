"""What is unfinished is taken up once, and only where nobody else does it."""

from datetime import timedelta

import pytest

from flows.context import FlowContext
from flows.reconcile import take_up_all
from libs.common.domain.model import ModelRef, Stage
from libs.common.domain.promotion import Approval, PromotionOutcome
from libs.common.domain.rollout import Rollout, RolloutPhase, Schedule
from libs.common.domain.traffic import Traffic
from tests.unit.flows.standing import MODEL, NOW, Orchestrator, promotion

STABLE, CANDIDATE = (ModelRef(name=MODEL, version=number, digest=number * 64, uri=f"objects/{number}") for number in "12")
YES = Approval(approver="ada", approved=True, reason="", at=NOW)


def abandon(context: FlowContext, phase: RolloutPhase = RolloutPhase.PROGRESSING) -> Rollout:
    """A rollout whose lease ran out."""
    now = context.now()
    held = Traffic(model=MODEL, stable=STABLE, candidate=CANDIDATE, weight=0.5, lease_expires_at=now - timedelta(seconds=1))
    context.stores.records.traffic.save(held)
    schedule = Schedule(weights=(0.5, 1.0), evaluation_period=timedelta(minutes=1), max_extensions=1)
    left = Rollout(
        id="r1",
        model=MODEL,
        strategy="canary",
        candidate=CANDIDATE,
        stable=STABLE,
        schedule=schedule,
        started_at=now,
        requested_by="olga",
        phase=phase,
    )
    return context.stores.records.rollouts.save(left)


def test_an_abandoned_rollout_is_taken_up(context: FlowContext, orchestrator: Orchestrator) -> None:
    abandon(context)
    take_up_all(context)
    assert list(orchestrator.started.values()) == [("release_model", {"model": MODEL, "rollout_id": "r1"})]


def test_a_rollout_that_a_flow_run_drives_is_left_to_it(context: FlowContext, orchestrator: Orchestrator) -> None:
    abandon(context)
    orchestrator.driven = [MODEL]
    take_up_all(context)
    assert orchestrator.started == {}


@pytest.mark.parametrize("phase", [RolloutPhase.PAUSED, RolloutPhase.ROLLED_BACK])
def test_a_rollout_that_waits_for_a_person_or_is_over_is_left_alone(
    context: FlowContext, orchestrator: Orchestrator, phase: RolloutPhase
) -> None:
    abandon(context, phase)
    take_up_all(context)
    assert orchestrator.started == {}


@pytest.mark.parametrize("state", ["SUSPENDED", "PAUSED"])
def test_a_promotion_with_its_approvals_is_woken(context: FlowContext, orchestrator: Orchestrator, state: str) -> None:
    orchestrator.states["run"] = state
    context.stores.records.promotions.save(promotion())
    take_up_all(context)
    assert orchestrator.resumed == []
    context.stores.records.promotions.add_approval("p-staging", YES)
    take_up_all(context)
    assert orchestrator.resumed == ["run"]


def test_a_rejected_promotion_is_woken_to_be_refused(context: FlowContext, orchestrator: Orchestrator) -> None:
    orchestrator.states["run"] = "SUSPENDED"
    context.stores.records.promotions.save(promotion(approvals=(YES.model_copy(update={"approved": False}),)))
    take_up_all(context)
    assert orchestrator.resumed == ["run"]


@pytest.mark.parametrize("state", ["CRASHED", "FAILED", "MISSING"])
def test_a_promotion_whose_run_is_gone_is_started_again_once(
    context: FlowContext, orchestrator: Orchestrator, state: str
) -> None:
    orchestrator.states["run"] = state
    context.stores.records.promotions.save(promotion(approvals=(YES,), strategy="shadow"))
    take_up_all(context)
    take_up_all(context)
    ((name, parameters),) = orchestrator.started.values()
    assert (name, parameters["version"], parameters["to"], parameters["strategy"]) == (
        "promote_model",
        "3",
        Stage.PRODUCTION,
        "shadow",
    )


def test_a_promotion_whose_run_was_cancelled_is_refused(context: FlowContext, orchestrator: Orchestrator) -> None:
    orchestrator.states["run"] = "CANCELLED"
    context.stores.records.promotions.save(promotion())
    take_up_all(context)
    kept = context.stores.records.promotions.get("p-staging")
    assert kept.outcome is PromotionOutcome.REFUSE
    assert context.stores.records.promotions.open() == []
    assert [event.action for event in context.stores.records.audit.events()] == ["promotion_refused"]


def test_one_that_cannot_be_taken_up_keeps_no_other_waiting(context: FlowContext, orchestrator: Orchestrator) -> None:
    orchestrator.states |= {"run": "SUSPENDED", "gone": "CRASHED"}
    orchestrator.away = True
    context.stores.records.promotions.save(promotion(approvals=(YES,)))
    context.stores.records.promotions.save(promotion(id="p-other", version="4", flow_run_id="gone", approvals=(YES,)))
    take_up_all(context)
    assert list(orchestrator.started) == ["p-other-after-gone"]
