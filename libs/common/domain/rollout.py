"""A release in progress: its phases, and the judgment that moves it on."""

from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.domain.model import ModelRef
from libs.common.domain.value import Value
from libs.common.domain.verdict import Verdict, worst


class RolloutPhase(StrEnum):
    """Where a rollout stands; the last three are final."""

    PREPARING = "preparing"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    PROMOTING = "promoting"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (RolloutPhase.SUCCEEDED, RolloutPhase.ROLLED_BACK, RolloutPhase.FAILED)


class Schedule(Value):
    """The weights a candidate goes through (shares in 0…1, the last is 1) and how long each is judged."""

    weights: tuple[float, ...]
    evaluation_period: timedelta
    max_extensions: int
    mirror: bool = False


class Rollout(Value):
    """One release of one candidate, as kept in the records store between ticks."""

    id: str
    model: str
    strategy: str
    candidate: ModelRef
    stable: ModelRef | None
    schedule: Schedule
    started_at: datetime
    requested_by: str
    phase: RolloutPhase = RolloutPhase.PREPARING
    step: int = 0
    step_started_at: datetime | None = None
    extensions: int = 0
    reason: str = ""
    finished_at: datetime | None = None

    @property
    def weight(self) -> float:
        """The candidate's traffic share now."""
        return self.schedule.weights[self.step] if self.phase is RolloutPhase.PROGRESSING else 0.0


class Comparison(Value):
    """Candidate against stable since the rollout began: one verdict a metric, with the figures behind them."""

    verdicts: dict[str, Verdict]
    figures: dict[str, float] = {}

    @property
    def verdict(self) -> Verdict:
        """The worst verdict; nothing compared is insufficient data."""
        return worst(self.verdicts.values())


class Action(StrEnum):
    """What to do with a rollout at a tick."""

    WAIT = "wait"
    STEP = "step"
    EXTEND = "extend"
    PAUSE = "pause"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


class RolloutDecision(Value):
    """The action, why, and the rollout as it is to be saved."""

    action: Action
    reason: str
    rollout: Rollout


def advance(rollout: Rollout, comparison: Comparison, now: datetime) -> RolloutDecision:
    """Judge one tick of a progressing rollout.

    A failed metric rolls back at once. Otherwise nothing moves before the evaluation period is over; then a pass steps on
    (or promotes, when the next weight is the whole), and anything less extends the step, and at last pauses for a person.
    """
    if rollout.phase is not RolloutPhase.PROGRESSING or rollout.step_started_at is None:
        return RolloutDecision(action=Action.WAIT, reason=f"the rollout is {rollout.phase}", rollout=rollout)
    verdict = comparison.verdict
    if verdict is Verdict.FAIL:
        failed = ", ".join(sorted(name for name, found in comparison.verdicts.items() if found is Verdict.FAIL))
        return _end(rollout, Action.ROLL_BACK, f"worse than stable: {failed}", RolloutPhase.ROLLED_BACK)
    period = rollout.schedule.evaluation_period * (1 + rollout.extensions)
    if now - rollout.step_started_at < period:
        return RolloutDecision(action=Action.WAIT, reason="the step is not over", rollout=rollout)
    if verdict is Verdict.PASS:
        return _step_on(rollout, now)
    return _prolong(rollout, verdict)


def _step_on(rollout: Rollout, now: datetime) -> RolloutDecision:
    following = rollout.step + 1
    weights = rollout.schedule.weights
    if following >= len(weights) or weights[following] >= 1:
        return _end(rollout, Action.PROMOTE, "every step passed", RolloutPhase.PROMOTING)
    moved = rollout.model_copy(update={"step": following, "step_started_at": now, "extensions": 0})
    reason = f"passed at {weights[rollout.step]:.0%}, on to {weights[following]:.0%}"
    return RolloutDecision(action=Action.STEP, reason=reason, rollout=moved)


def _prolong(rollout: Rollout, verdict: Verdict) -> RolloutDecision:
    if rollout.extensions < rollout.schedule.max_extensions:
        longer = rollout.model_copy(update={"extensions": rollout.extensions + 1})
        return RolloutDecision(action=Action.EXTEND, reason=f"{verdict}: one more evaluation period", rollout=longer)
    reason = f"{verdict} after {rollout.extensions} extensions: a person must decide"
    return _end(rollout, Action.PAUSE, reason, RolloutPhase.PAUSED)


def _end(rollout: Rollout, action: Action, reason: str, phase: RolloutPhase) -> RolloutDecision:
    ended = rollout.model_copy(update={"phase": phase, "reason": reason})
    return RolloutDecision(action=action, reason=reason, rollout=ended)
