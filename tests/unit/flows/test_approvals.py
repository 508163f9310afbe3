"""A vote counts once it is written down, whoever is asleep meanwhile."""

import pytest

from flows.approvals import approve
from flows.context import FlowContext
from libs.common.domain.audit import Role
from libs.common.domain.promotion import PromotionOutcome
from libs.common.errors import NotAuthorised, PromotionRefused
from tests.unit.flows.standing import NOW, Orchestrator, promotion


@pytest.fixture
def approver(context: FlowContext) -> str:
    context.stores.records.promotions.save(promotion())
    return context.stores.records.principals.add("ada", Role.APPROVER)


def test_a_yes_is_recorded_audited_and_told_to_the_flow(
    context: FlowContext, orchestrator: Orchestrator, approver: str
) -> None:
    voted = approve(context.stores, "p-staging", approver, True, "looks good", NOW)
    assert [(vote.approver, vote.approved, vote.reason) for vote in voted.approvals] == [("ada", True, "looks good")]
    assert orchestrator.resumed == ["run"]
    (event,) = context.stores.records.audit.events()
    assert (event.action, event.actor.name, event.details["reason"]) == ("approve", "ada", "looks good")


def test_a_no_is_a_vote_too(context: FlowContext, approver: str) -> None:
    (vote,) = approve(context.stores, "p-staging", approver, False, "too early", NOW).approvals
    assert not vote.approved
    assert [event.action for event in context.stores.records.audit.events()] == ["reject"]


def test_it_counts_although_the_orchestrator_is_away(context: FlowContext, orchestrator: Orchestrator, approver: str) -> None:
    orchestrator.away = True
    assert approve(context.stores, "p-staging", approver, True, "", NOW).approvals


@pytest.mark.parametrize("role", [Role.ENGINEER, Role.VIEWER])
def test_only_approvers_vote(context: FlowContext, approver: str, role: Role) -> None:
    token = context.stores.records.principals.add("olga", role)
    with pytest.raises(NotAuthorised, match="not an approver"):
        approve(context.stores, "p-staging", token, True, "", NOW)
    with pytest.raises(NotAuthorised, match="unknown"):
        approve(context.stores, "p-staging", "tri_made_up", True, "", NOW)
    assert context.stores.records.promotions.get("p-staging").approvals == ()


def test_nothing_is_added_once_it_is_decided(context: FlowContext, approver: str) -> None:
    context.stores.records.promotions.save(promotion(outcome=PromotionOutcome.REFUSE, decided_at=NOW))
    with pytest.raises(PromotionRefused, match="decided already"):
        approve(context.stores, "p-staging", approver, True, "", NOW)


def test_nobody_votes_twice(context: FlowContext, approver: str) -> None:
    approve(context.stores, "p-staging", approver, True, "", NOW)
    with pytest.raises(PromotionRefused, match="has voted"):
        approve(context.stores, "p-staging", approver, False, "", NOW)
    assert len(list(context.stores.records.audit.events())) == 1
