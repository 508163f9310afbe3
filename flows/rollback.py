"""A person ends a release, or goes back to the version before: one change of the traffic row, nothing restarts."""

from datetime import datetime
from functools import partial

from libs.common.connect import Stores
from libs.common.domain.audit import Actor, Role
from libs.common.domain.model import ModelRef, Stage
from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.domain.traffic import Traffic
from libs.common.errors import NotAuthorised, PromotionRefused


def roll_back(stores: Stores, model: str, actor: Actor, reason: str, now: datetime) -> Traffic:
    """End the running rollout of ``model``; without one, make the previous version stable again.

    NotAuthorised for a viewer; PromotionRefused where there is nothing to go back to.
    """
    if actor.role is Role.VIEWER:
        raise NotAuthorised(f"{actor.name} is {actor.role}", "rolling back takes an engineer or an approver")
    running = [rollout for rollout in stores.records.rollouts.unfinished() if rollout.model == model]
    if running:
        return _abort(stores, running[0], actor, reason, now)
    return _flip_back(stores, model, actor, reason, now)


def _abort(stores: Stores, rollout: Rollout, actor: Actor, reason: str, now: datetime) -> Traffic:
    """The rollout is closed before its traffic is, so that its flow, at the next tick, finds it over and lets go."""
    closed = {"phase": RolloutPhase.ROLLED_BACK, "reason": f"{actor.name}: {reason}", "finished_at": now}
    stores.records.rollouts.save(rollout.model_copy(update=closed))
    saved = stores.records.traffic.change(rollout.model, partial(before, rollout))
    details = {"rollout": rollout.id, "reason": reason, "stable": str(saved.stable)}
    stores.records.audit.append(actor, "roll_back", str(rollout.candidate), details, now)
    return saved


def _flip_back(stores: Stores, model: str, actor: Actor, reason: str, now: datetime) -> Traffic:
    row = stores.records.traffic.get(model)
    previous = previous_of(row)
    if previous is None or row.stable is None:
        raise PromotionRefused(f"{model}: no previous version is kept warm", f"release one: triage release {model} VERSION")
    saved = stores.records.traffic.save(row.alone(previous, warm=(row.stable,)))
    details = {"from": str(row.stable), "to": str(previous), "reason": reason}
    stores.records.audit.append(actor, "roll_back", str(row.stable), details, now)
    stores.registry.set_alias(model, "champion", previous.version)
    stores.registry.set_stage(model, previous.version, Stage.PRODUCTION)
    stores.registry.set_stage(model, row.stable.version, Stage.ARCHIVED)
    return saved


def before(rollout: Rollout, row: Traffic) -> Traffic:
    """The traffic as it was before the rollout; also where its flow, in this very moment, has flipped the pointer."""
    stable = rollout.stable if rollout.stable and row.stable == rollout.candidate else row.stable
    return row.alone(stable, warm=tuple(ref for ref in row.warm if ref not in (stable, rollout.candidate)))


def previous_of(row: Traffic) -> ModelRef | None:
    """The version to go back to: the first warm one that is not live."""
    return next((ref for ref in row.warm if row.stable is None or ref.digest != row.stable.digest), None)
