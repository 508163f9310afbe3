"""A person's yes or no: authenticated, written down first, and only then told to the waiting flow."""

from datetime import datetime

from libs.common.connect import Stores
from libs.common.domain.audit import Role
from libs.common.domain.promotion import Approval, Promotion, PromotionOutcome
from libs.common.errors import NotAuthorised, PromotionRefused, StoreError
from libs.common.logs import get_logger

log = get_logger("flows.approvals")


def approve(stores: Stores, promotion_id: str, token: str, approved: bool, reason: str, now: datetime) -> Promotion:
    """Record the verdict of the token's owner and wake the flow.

    NotAuthorised for an unknown token or one without the approver role; PromotionRefused for a second vote, and
    once the promotion is decided.
    """
    actor = stores.records.principals.authenticate(token)
    if actor.role is not Role.APPROVER:
        raise NotAuthorised(f"{actor.name} is {actor.role}, not an approver", "ask an approver, or: triage principal add")
    promotion = stores.records.promotions.get(promotion_id)
    if promotion.outcome is not PromotionOutcome.WAIT:
        raise PromotionRefused(f"{promotion.id} is decided already: {promotion.outcome}", "see: triage promotions")
    if any(vote.approver == actor.name for vote in promotion.approvals):
        raise PromotionRefused(f"{actor.name} has voted on {promotion.id} already", "each approver counts once")
    verdict = Approval(approver=actor.name, approved=approved, reason=reason, at=now)
    stores.records.promotions.add_approval(promotion.id, verdict)
    action = "approve" if approved else "reject"
    subject = f"{promotion.model}/{promotion.version}"
    stores.records.audit.append(actor, action, subject, {"promotion": promotion.id, "reason": reason}, now)
    _wake(stores, promotion)
    return stores.records.promotions.get(promotion.id)


def _wake(stores: Stores, promotion: Promotion) -> None:
    try:
        stores.orchestrator.resume(promotion.flow_run_id)
    except StoreError as error:  # recorded all the same: reconcile() wakes the flow when Prefect is back
        log.warning("%s waits for the orchestrator: %s", promotion.id, error.message)
