"""Release one version: slot, warm-up, growing shares of live traffic, a verdict at every tick, promotion or rollback."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from uuid import uuid4

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.context import FlowContext, open_context
from flows.reconcile import abandoned
from flows.rollout_steps import Release
from flows.slots import ServeSlots
from libs.common.config.deployment_strategies import DeploymentStrategies
from libs.common.domain.model import Stage
from libs.common.domain.promotion import Promotion, PromotionOutcome
from libs.common.domain.rollout import Comparison, Rollout, RolloutPhase, Schedule
from libs.common.errors import PromotionRefused

_WHOLE = 100.0


@flow(name="release_model", flow_run_name="{model}-{version}{rollout_id}")
def release_model(
    model: str, version: str = "", requested_by: str = "", strategy: str = "canary", rollout_id: str = ""
) -> State:
    """Release ``version``, or go on with ``rollout_id``; returns the phase in which the rollout ended."""
    context = open_context()
    rollout = take_up(context, rollout_id) if rollout_id else begin(context, model, version, strategy, requested_by)
    canary = context.config.deployment_strategies.canary
    release = Release(
        records=context.stores.records,
        slots=ServeSlots(context),
        compare=partial(_compare, context),
        crown=partial(_crown, context),
        now=context.now,
        tick=canary.tick,
        lease=canary.lease,
        load_deadline=timedelta(minutes=5),
        report_age=3 * context.config.model_serving.replica.report_interval,
    )
    ended = release.drive(rollout)
    return Completed(message=f"{ended.candidate} {ended.phase}: {ended.reason}")


def schedule_of(strategies: DeploymentStrategies, strategy: str) -> Schedule:
    """The schedule of a strategy by name: three schedules over one mechanism."""
    canary = strategies.canary
    weights = {"canary": tuple(step / _WHOLE for step in canary.progression), "blue_green": (1.0,), "shadow": (0.0,)}
    if strategy not in weights:
        raise PromotionRefused(f"there is no strategy '{strategy}'", f"choose one of {', '.join(weights)}")
    return Schedule(
        weights=weights[strategy],
        evaluation_period=canary.evaluation_period,
        max_extensions=canary.max_extensions,
        mirror=strategy == "shadow",
    )


def begin(context: FlowContext, model: str, version: str, strategy: str, requested_by: str) -> Rollout:
    """A new rollout, saved; PromotionRefused where the version may not go live, or another one is on its way."""
    records = context.stores.records
    candidate, stable = context.stores.registry.get(model, version).ref, records.traffic.get(model).stable
    if strategy != "shadow" and not approved_for_production(records.promotions.list(model), candidate.version):
        raise PromotionRefused(
            f"{candidate} was not approved for production", f"ask for it: triage promote {model} {candidate.version}"
        )
    if candidate == stable:
        raise PromotionRefused(f"{candidate} answers all requests already", f"see: triage traffic {model}")
    if running := [rollout for rollout in records.rollouts.unfinished() if rollout.model == model]:
        raise PromotionRefused(
            f"{model}: rollout {running[0].id} of {running[0].candidate} is still {running[0].phase}",
            f"wait for it, or end it: triage rollback {model}",
        )
    rollout = Rollout(
        id=f"{model}-{candidate.version}-{uuid4().hex[:6]}",
        model=model,
        strategy=strategy,
        candidate=candidate,
        stable=stable,
        schedule=schedule_of(context.config.deployment_strategies, strategy),
        started_at=context.now(),
        requested_by=requested_by,
    )
    records.rollouts.save(rollout)
    context.audit("release_model", "release_started", str(candidate), rollout.model_dump(mode="json"))
    return rollout


def take_up(context: FlowContext, rollout_id: str) -> Rollout:
    """A rollout that a dead flow left, or that waits for a person: it prepares its slot again and starts its step anew."""
    records = context.stores.records
    rollout = records.rollouts.get(rollout_id)
    if rollout.phase.final:
        raise PromotionRefused(
            f"rollout {rollout.id} is {rollout.phase} already", "begin a new one: triage release MODEL VERSION"
        )
    if rollout.phase is not RolloutPhase.PAUSED and not abandoned(rollout, records.traffic.get(rollout.model), context.now()):
        raise PromotionRefused(
            f"rollout {rollout.id} is {rollout.phase}, driven by another flow run",
            "nothing is to be done: should that run be dead, the rollout is taken up by itself once its lease is over",
        )
    if rollout.phase in (RolloutPhase.PROGRESSING, RolloutPhase.PAUSED):
        again = {"phase": RolloutPhase.PREPARING, "extensions": 0, "reason": ""}
        rollout = records.rollouts.save(rollout.model_copy(update=again))
    context.audit("release_model", "release_resumed", str(rollout.candidate), {"rollout": rollout.id, "step": rollout.step})
    return rollout


def approved_for_production(promotions: Iterable[Promotion], version: str) -> bool:
    """Whether gates and people have ever let ``version`` into production."""
    granted = (version, Stage.PRODUCTION, PromotionOutcome.PROMOTE)
    return any((promotion.version, promotion.stage, promotion.outcome) == granted for promotion in promotions)


def _compare(context: FlowContext, rollout: Rollout) -> Comparison:
    from apps.monitoring.compare import compare

    stores, now = context.stores, context.now()
    events = stores.predictions.events(rollout.model, rollout.started_at, now)
    feedback = stores.records.feedback.between(rollout.model, rollout.started_at, now)
    return compare(events, feedback, rollout, context.config.deployment_strategies.canary.analysis)


def _crown(context: FlowContext, rollout: Rollout) -> None:
    registry = context.stores.registry
    registry.set_stage(rollout.model, rollout.candidate.version, Stage.PRODUCTION)
    registry.set_alias(rollout.model, "champion", rollout.candidate.version)
    if rollout.stable is not None and rollout.stable.version != rollout.candidate.version:
        registry.set_stage(rollout.model, rollout.stable.version, Stage.ARCHIVED)
