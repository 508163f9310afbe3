"""One tick of a release: read the rollout, look, judge, apply, save. Every tick can be the first after a crash."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from libs.common.domain.audit import Actor, Role
from libs.common.domain.model import ModelRef
from libs.common.domain.rollout import Action, Comparison, Rollout, RolloutPhase, advance
from libs.common.domain.traffic import ReplicaReport, Traffic
from libs.common.errors import ServingError, StoreError
from libs.common.logs import get_logger
from libs.common.stores.records import Records

log = get_logger("flows.release_model")
ACTOR = Actor(name="flow:release_model", role=Role.SYSTEM)


class Slots(Protocol):
    """Where models answer: their servers, and the place where a version under test runs apart from stable."""

    def serve(self, model: str) -> None:
        """Start the server of ``model``, which can then load what it is told to; nothing happens where it runs."""
        ...

    def deploy(self, candidate: ModelRef) -> None:
        """Start the candidate and return when it is warm; ServingError when it does not come up."""
        ...

    def retire(self, model: str) -> None:
        """Stop whatever runs in the slot of ``model``; nothing happens where it is empty."""
        ...


@dataclass(frozen=True)
class Release:
    """The outside world of a rollout.

    ``crown`` tells the registry who is champion; ``report_age`` is how old a replica's report may be to count as alive.
    """

    records: Records
    slots: Slots
    compare: Callable[[Rollout], Comparison]
    crown: Callable[[Rollout], None]
    now: Callable[[], datetime]
    tick: timedelta
    lease: timedelta
    load_deadline: timedelta
    report_age: timedelta

    def drive(self, rollout: Rollout) -> Rollout:
        """Tick until the rollout is over or waits for a person."""
        while not rollout.phase.final and rollout.phase is not RolloutPhase.PAUSED:
            rollout = self._tick_unless_ended(rollout)
        self._let_go(rollout)
        self._await_followers(rollout.model)
        self.slots.retire(rollout.model)
        return rollout

    def _tick_unless_ended(self, rollout: Rollout) -> Rollout:
        """One tick. A store that is away ends this run, and the next one goes on; whatever else fails waits for a person."""
        try:
            return self._tick(rollout)
        except StoreError:
            saved = self.records.rollouts.get(rollout.id)
            if not saved.phase.final:
                raise
            return saved  # a person rolled it back in the middle of this tick
        except Exception as error:
            saved = self.records.rollouts.get(rollout.id)
            if saved.phase not in (RolloutPhase.PREPARING, RolloutPhase.PROGRESSING):
                raise
            log.exception("%s cannot go on", saved.id)
            reason = f"{type(error).__name__}: {error}: a person must look at it"
            paused = self._save(saved, Action.PAUSE, phase=RolloutPhase.PAUSED, reason=reason)
            self._route(paused, 0.0)
            return paused

    def _let_go(self, rollout: Rollout) -> None:
        """Where a person ended the rollout, this tick may have routed to the candidate once more since."""
        if rollout.phase is RolloutPhase.ROLLED_BACK:
            self.records.traffic.change(
                rollout.model, lambda row: settled(row, rollout, rollout.phase) if row.candidate == rollout.candidate else row
            )

    def _await_followers(self, model: str) -> None:
        """Every living replica has applied the row: whoever is told of the end may ask at once, and none asks an empty slot."""
        revision, deadline = self.records.traffic.get(model).revision, self.now() + self.load_deadline
        while any(report.revision < revision for report in self._reports(model)) and self.now() < deadline:
            time.sleep(min(self.tick.total_seconds(), 0.2))

    def _reports(self, model: str) -> Sequence[ReplicaReport]:
        return self.records.traffic.reports(model, self.now() - self.report_age)

    def _tick(self, rollout: Rollout) -> Rollout:
        saved = self.records.rollouts.get(rollout.id)
        if saved.phase.final:
            return saved  # a person rolled it back meanwhile
        steps = {
            RolloutPhase.PREPARING: self._prepare,
            RolloutPhase.PROGRESSING: self._progress,
            RolloutPhase.PROMOTING: self._promote,
        }
        return steps[saved.phase](saved)

    def _prepare(self, rollout: Rollout) -> Rollout:
        self.slots.serve(rollout.model)
        if rollout.stable is None:
            return self._save(rollout, "promote", phase=RolloutPhase.PROMOTING, reason="no stable version to compare with")
        try:
            self.slots.deploy(rollout.candidate)
        except ServingError as error:
            return self._finish(rollout, RolloutPhase.FAILED, f"the candidate did not come up: {error.message}")
        if rollout.schedule.weights[0] >= 1:
            return self._save(rollout, "promote", phase=RolloutPhase.PROMOTING, reason="all traffic at once")
        started = self._save(rollout, "step", phase=RolloutPhase.PROGRESSING, step_started_at=self.now())
        self._route(started, started.weight)
        return started

    def _progress(self, rollout: Rollout) -> Rollout:
        self._route(rollout, rollout.weight)
        time.sleep(self.tick.total_seconds())
        comparison = self.compare(rollout)
        decision = advance(rollout, comparison, self.now())
        if decision.action is Action.WAIT:
            return rollout
        details = {"reason": decision.reason, "comparison": comparison.model_dump(mode="json")}
        if decision.action is Action.ROLL_BACK:
            return self._finish(decision.rollout, decision.rollout.phase, decision.reason, details)
        moved = self._save(decision.rollout, decision.action, details)
        if moved.phase is not RolloutPhase.PROMOTING:  # which gives the slot all traffic; none in between
            self._route(moved, moved.weight)
        return moved

    def _promote(self, rollout: Rollout) -> Rollout:
        """All traffic to the slot while every replica loads the version beside the old one; then the pointer flips."""
        if rollout.schedule.mirror:
            return self._finish(rollout, RolloutPhase.SUCCEEDED, "the shadow agreed with stable")
        if self.records.traffic.get(rollout.model).stable == rollout.candidate:  # flipped by a run that then died
            return self._finish(rollout, RolloutPhase.SUCCEEDED, rollout.reason)
        self._route(rollout, 1.0 if rollout.stable else 0.0, warm=(rollout.candidate,))
        deadline = self.now() + self.load_deadline
        while not self._loaded_everywhere(rollout):
            if self.now() > deadline:
                reason = f"not every replica loaded {rollout.candidate} within {self.load_deadline}"
                return self._finish(rollout, RolloutPhase.ROLLED_BACK, reason)
            time.sleep(min(self.tick.total_seconds(), 0.2))
            self._renew(rollout)
        return self._finish(rollout, RolloutPhase.SUCCEEDED, rollout.reason)

    def _loaded_everywhere(self, rollout: Rollout) -> bool:
        reports = self._reports(rollout.model)
        return bool(reports) and all(rollout.candidate.digest in report.loaded for report in reports)

    def _route(self, rollout: Rollout, weight: float, warm: tuple[ModelRef, ...] = ()) -> None:
        """Bring the traffic row to what the rollout says, and renew its lease."""
        row = self.records.traffic.get(rollout.model)
        wanted = {
            "candidate": rollout.candidate if weight > 0 or rollout.schedule.mirror else None,
            "weight": weight,
            "mirror": rollout.schedule.mirror and rollout.phase is RolloutPhase.PROGRESSING,
            "warm": tuple(dict.fromkeys((*warm, *row.warm)))[:2],
        }
        if {key: getattr(row, key) for key in wanted} != wanted:
            self.records.traffic.save(row.model_copy(update={**wanted, "lease_expires_at": self.now() + self.lease}))
        elif row.candidate is not None:
            self._renew(rollout)

    def _renew(self, rollout: Rollout) -> None:
        if rollout.stable is not None:
            self.records.traffic.renew_lease(rollout.model, rollout.candidate.version, self.now() + self.lease)

    def _finish(
        self, rollout: Rollout, phase: RolloutPhase, reason: str, details: Mapping[str, object] | None = None
    ) -> Rollout:
        self.records.traffic.change(rollout.model, partial(settled, rollout=rollout, phase=phase))
        if phase is RolloutPhase.SUCCEEDED and not rollout.schedule.mirror:
            self.crown(rollout)
        self._await_followers(rollout.model)
        action = {RolloutPhase.SUCCEEDED: "release", RolloutPhase.ROLLED_BACK: "roll_back"}.get(phase, "release_failed")
        return self._save(rollout, action, details, phase=phase, reason=reason, finished_at=self.now())

    def _save(self, rollout: Rollout, action: str, details: Mapping[str, object] | None = None, **changes: object) -> Rollout:
        saved = rollout.model_copy(update=changes)
        self.records.rollouts.save(saved)
        facts = {
            "rollout": saved.id,
            "phase": saved.phase,
            "weight": saved.weight,
            "stable": saved.stable and str(saved.stable),
            "requested_by": saved.requested_by,
            "reason": saved.reason,
        }
        self.records.audit.append(ACTOR, action, str(saved.candidate), {**facts, **(details or {})}, self.now())
        log.info("%s %s: %s %s", saved.id, action, saved.phase, saved.reason)
        return saved


def settled(row: Traffic, rollout: Rollout, phase: RolloutPhase) -> Traffic:
    """The traffic after a rollout: the candidate became stable with the old version kept warm, or stable alone goes on.

    StoreError where the candidate is to become stable, but somebody took it out of the traffic.
    """
    if phase is not RolloutPhase.SUCCEEDED or rollout.schedule.mirror:
        return row.alone(row.stable, warm=tuple(ref for ref in row.warm if ref.digest != rollout.candidate.digest))
    if rollout.stable is not None and rollout.candidate not in (row.candidate, row.stable):
        raise StoreError(f"{rollout.candidate} is not the candidate any more", "somebody rolled it back: stop this rollout")
    return row.alone(rollout.candidate, warm=(rollout.stable,) if rollout.stable else ())
