"""Promote one version stage by stage: gates, then people, then the registry. Waits suspended, and survives restarts."""

from dataclasses import dataclass
from uuid import uuid4

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.context import FlowContext, open_context
from flows.evidence import gather_evidence
from flows.gates import evaluate_gates
from flows.release_model import schedule_of
from libs.common.config.configuration import Config
from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.promotion import Promotion, PromotionDecision, PromotionOutcome, decide
from libs.common.errors import PromotionRefused

_TARGETS = (Stage.DEVELOPMENT, Stage.STAGING, Stage.PRODUCTION)
_WEEK_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked for the promotion, how far it is to go, and how it is then released."""

    requested_by: str
    target: Stage
    strategy: str


@flow(name="promote_model", flow_run_name="{model}-{version}-to-{to}", persist_result=True)
def promote_model(model: str, version: str, to: str = "production", requested_by: str = "", strategy: str = "") -> State:
    """Take ``version`` up to stage ``to``; the last step into production starts ``release_model``. Returns what happened.

    Without a ``strategy`` it is released as ``promotion_pipeline`` says.
    """
    context = open_context()
    request = request_of(context.config, requested_by, to, strategy)
    registered, skipped = context.stores.registry.get(model, version), ""
    while stage := pending_stage(context, registered, request.target):
        promotion = unreleased(context, registered) if stage is Stage.PRODUCTION else None
        promotion = promotion or _settle(context, registered, stage, request)
        if promotion.outcome is PromotionOutcome.REFUSE:
            return Completed(message=f"{registered.ref} refused for {stage}: {_why(context, promotion)}{_not_asked(promotion)}")
        if stage is Stage.PRODUCTION:
            return Completed(message=_release(context, promotion, request))
        registered = context.stores.registry.get(model, version)
        skipped = _not_asked(promotion) or skipped
    return Completed(message=f"{registered.ref} is in {registered.stage}{skipped}")


def _why(context: FlowContext, promotion: Promotion) -> str:
    needed = context.config.promotion_pipeline.rules(promotion.stage).approvals_needed
    return "; ".join(decide(promotion.gates, promotion.approvals, needed).reasons)


def _not_asked(promotion: Promotion) -> str:
    return f" (not asked of a summarizer: {', '.join(promotion.not_asked)})" if promotion.not_asked else ""


def request_of(config: Config, requested_by: str, to: str, strategy: str) -> Request:
    """The request with its defaults; PromotionRefused for a stage or a strategy that does not exist, before anybody votes."""
    if to not in _TARGETS:
        raise PromotionRefused(f"no version is promoted to '{to}'", f"write one of {', '.join(_TARGETS)}")
    chosen = strategy or config.promotion_pipeline.stages.production.rollout_strategy or "canary"
    schedule_of(config.deployment_strategies, chosen)
    return Request(requested_by, Stage(to), chosen)


def pending_stage(context: FlowContext, registered: ModelVersion, target: Stage) -> Stage | None:
    """The stage to settle next, None at the target: the present one again where a run was killed just before it was decided."""
    reached = (registered.model_name, registered.version, registered.stage)
    if any((known.model, known.version, known.stage) == reached for known in context.stores.records.promotions.open()):
        return registered.stage
    return None if registered.stage.reached(target) else registered.stage.next


def unreleased(context: FlowContext, registered: ModelVersion) -> Promotion | None:
    """The approval for production that no release has followed: the run that got it was killed in that moment."""
    records, granted = context.stores.records, (registered.version, Stage.PRODUCTION, PromotionOutcome.PROMOTE)
    approved = [
        one for one in records.promotions.list(registered.model_name) if (one.version, one.stage, one.outcome) == granted
    ]
    if not approved:
        return None
    mine = [one for one in records.rollouts.list(registered.model_name) if one.candidate.version == registered.version]
    decided_at = approved[-1].decided_at
    return None if decided_at and any(one.started_at >= decided_at for one in mine) else approved[-1]


def _settle(context: FlowContext, registered: ModelVersion, stage: Stage, request: Request) -> Promotion:
    """Judge the gates and wait for people until the promotion is decided."""
    rules = context.config.promotion_pipeline.rules(stage)
    promotion = _open(context, registered, stage, request)
    while promotion.outcome is PromotionOutcome.WAIT:
        gates = evaluate_gates(context, registered, rules.gates_of(registered.summarizes))
        promotion = promotion.model_copy(update={"gates": gates})
        decision = decide(promotion.gates, promotion.approvals, rules.approvals_needed)
        if decision.outcome is not PromotionOutcome.WAIT:
            return _decided(context, promotion, registered, decision)
        context.stores.records.promotions.save(promotion)
        suspend_flow_run(timeout=_WEEK_S, key=uuid4().hex)  # ends this process; `triage approve` has the flow run again
        promotion = context.stores.records.promotions.get(promotion.id)
    return promotion


def _open(context: FlowContext, registered: ModelVersion, stage: Stage, request: Request) -> Promotion:
    """The promotion of this version to this stage that is already open, else a new one."""
    promotions, rules = context.stores.records.promotions, context.config.promotion_pipeline.rules(stage)
    run_id = flow_run.get_id() or ""
    for known in promotions.open():
        if (known.model, known.version, known.stage) == (registered.model_name, registered.version, stage):
            return known.model_copy(update={"flow_run_id": run_id})
    promotion = Promotion(
        id=f"{registered.model_name}-{registered.version}-{stage}-{uuid4().hex[:6]}",
        model=registered.model_name,
        version=registered.version,
        stage=stage,
        requested_by=request.requested_by,
        requested_at=context.now(),
        target=request.target,
        strategy=request.strategy,
        flow_run_id=run_id,
        not_asked=rules.not_asked_of(registered.summarizes),
    )
    gather_evidence(context, registered, rules.gates_of(registered.summarizes))
    promotions.save(promotion)
    details = {"promotion": promotion.id, "stage": stage, "requested_by": request.requested_by}
    context.audit("promote_model", "promotion_requested", str(registered.ref), details)
    return promotion


def _decided(context: FlowContext, promotion: Promotion, registered: ModelVersion, decision: PromotionDecision) -> Promotion:
    outcome = decision.outcome
    decided = promotion.model_copy(update={"outcome": outcome, "decided_at": context.now()})
    if outcome is PromotionOutcome.PROMOTE and promotion.stage is not Stage.PRODUCTION:
        context.stores.registry.set_stage(promotion.model, promotion.version, promotion.stage)
        if promotion.stage is Stage.STAGING:
            context.stores.registry.set_alias(promotion.model, "challenger", promotion.version)
    context.stores.records.promotions.save(decided)
    skipped = [f"not asked of a summarizer: {gate}" for gate in promotion.not_asked]
    details = {"reasons": [*decision.reasons, *skipped], "promotion": decided.model_dump(mode="json")}
    action = "promoted" if outcome is PromotionOutcome.PROMOTE else "promotion_refused"
    context.audit("promote_model", action, str(registered.ref), details)
    return decided


def _release(context: FlowContext, promotion: Promotion, request: Request) -> str:
    """Production means live traffic: the registry says so only once the release has succeeded."""
    parameters = {
        "model": promotion.model,
        "version": promotion.version,
        "strategy": request.strategy,
        "requested_by": request.requested_by,
    }
    key = f"release-{promotion.id}"  # one approval starts one release, however often this runs
    run_id = context.stores.orchestrator.start_flow("release_model", parameters, idempotency_key=key)
    return f"approved for production; release {run_id} started"
