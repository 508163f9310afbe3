"""Brings the flows back to what the records say: wakes decided promotions, takes up abandoned rollouts. Safe to repeat."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from flows.context import FlowContext, open_context
from libs.common.domain.promotion import Promotion, PromotionOutcome
from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.domain.traffic import Traffic
from libs.common.errors import TriageError
from libs.common.logs import get_logger

log = get_logger("flows.reconcile")

# A slot comes up within two minutes or not at all; only then is a rollout without a lease called abandoned.
_PREPARING_LIMIT = timedelta(minutes=5)


def reconcile() -> None:
    """One round over everything that is unfinished."""
    take_up_all(open_context())


def take_up_all(context: FlowContext) -> None:
    """Take up each promotion and rollout that needs it; one that cannot be is logged and keeps no other waiting."""
    for rollout in context.stores.records.rollouts.unfinished():
        _attempt(rollout.id, partial(_take_up_rollout, context, rollout))
    for promotion in context.stores.records.promotions.open():
        _attempt(promotion.id, partial(_take_up_promotion, context, promotion))


def _attempt(name: str, take_up: Callable[[], None]) -> None:
    try:
        take_up()
    except TriageError as error:
        log.warning("%s could not be taken up: %s", name, error)


def _take_up_promotion(context: FlowContext, promotion: Promotion) -> None:
    state = context.stores.orchestrator.state(promotion.flow_run_id)
    if state == "CANCELLED":
        _withdraw(context, promotion)
        return
    rules = context.config.promotion_pipeline.rules(promotion.stage)
    rejected = any(not approval.approved for approval in promotion.approvals)
    approvers = {approval.approver for approval in promotion.approvals}
    if not rejected and len(approvers) < rules.approvals_needed:
        return
    if state in ("SUSPENDED", "PAUSED"):
        log.info("waking %s", promotion.id)
        context.stores.orchestrator.resume(promotion.flow_run_id)
    elif state in ("CRASHED", "FAILED", "MISSING"):
        parameters = {
            "model": promotion.model,
            "version": promotion.version,
            "to": promotion.target,
            "requested_by": promotion.requested_by,
            "strategy": promotion.strategy,
        }
        key = f"{promotion.id}-after-{promotion.flow_run_id}"
        context.stores.orchestrator.start_flow("promote_model", parameters, idempotency_key=key)


def _withdraw(context: FlowContext, promotion: Promotion) -> None:
    """Whoever cancelled the flow run does not want the promotion; left open, it would wait for ever."""
    refused = promotion.model_copy(update={"outcome": PromotionOutcome.REFUSE, "decided_at": context.now()})
    context.stores.records.promotions.save(refused)
    details = {"reasons": ["its flow run was cancelled"], "promotion": refused.model_dump(mode="json")}
    context.audit("promote_model", "promotion_refused", f"{promotion.model}/{promotion.version}", details)


def _take_up_rollout(context: FlowContext, rollout: Rollout) -> None:
    orchestrator = context.stores.orchestrator
    traffic = context.stores.records.traffic.get(rollout.model)
    if not abandoned(rollout, traffic, context.now()) or orchestrator.active("release_model", model=rollout.model):
        return
    log.warning("taking up rollout %s, which nobody has renewed", rollout.id)
    orchestrator.start_flow("release_model", {"model": rollout.model, "rollout_id": rollout.id})


def abandoned(rollout: Rollout, traffic: Traffic, now: datetime) -> bool:
    """Whether no flow drives the rollout any more: its lease ran out, or it never got one in all that time."""
    if rollout.phase is RolloutPhase.PAUSED or rollout.phase.final:
        return False
    if traffic.lease_expires_at is not None and traffic.candidate is not None:
        return now >= traffic.lease_expires_at
    return now - rollout.started_at > _PREPARING_LIMIT
