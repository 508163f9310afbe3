"""Trials, and the two judgments over them: which go on (ASHA's rule), and which is best.

Both compare a trial with earlier generations only, never with what else happened to be running: so the order in which
results arrive, and how often something was killed in between, cannot change them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from libs.common.domain.search import Options


class State(StrEnum):
    """How far a trial has come."""

    OPEN = "open"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trial:
    """The options tried, and macro-F1 on the first so many folds; ``failed`` says why they cannot be fitted."""

    number: int
    options: Options
    scores: tuple[float, ...] = ()
    failed: str = ""

    def mean(self, folds: int | None = None) -> float:
        """The mean over the first ``folds``, or all there are."""
        counted = self.scores[:folds]
        return sum(counted) / len(counted)


@dataclass(frozen=True, slots=True)
class Course:
    """How a search goes: judged on so many ``folds``, ``generation`` trials suggested together, 1/``reduction`` going on."""

    folds: int
    generation: int
    reduction: int

    @property
    def rungs(self) -> tuple[int, ...]:
        """The numbers of folds after which a trial may be stopped: 1, reduction, reduction², …"""
        powers = (self.reduction**power for power in range(self.folds))
        return tuple(rung for rung in powers if rung < self.folds)

    def earlier(self, trials: Sequence[Trial], number: int) -> list[Trial]:
        """The trials of the generations before that of trial ``number``."""
        first = number // self.generation * self.generation
        return [trial for trial in trials if trial.number < first]

    def state(self, trial: Trial, trials: Sequence[Trial]) -> State:
        """How far ``trial`` has come among ``trials``, of which the earlier generations must have ended."""
        if trial.failed:
            return State.FAILED
        earlier = [other for other in self.earlier(trials, trial.number) if not other.failed]
        reached = [rung for rung in self.rungs if rung <= len(trial.scores)]
        if any(not self._survives(trial, earlier, rung) for rung in reached):
            return State.STOPPED
        return State.COMPLETE if len(trial.scores) == self.folds else State.OPEN

    def _survives(self, trial: Trial, earlier: Sequence[Trial], rung: int) -> bool:
        """Li et al., A System for Massively Parallel Hyperparameter Tuning (2020): the best 1/reduction of a rung go on."""
        judged = [other.mean(rung) for other in earlier if len(other.scores) >= rung]
        return not judged or trial.mean(rung) >= float(np.quantile(judged, 1 - 1 / self.reduction))


def best_of(trials: Sequence[Trial], course: Course) -> Trial | None:
    """The complete trial with the highest mean, the earliest of equals; None before the first is complete."""
    complete = (trial for trial in trials if course.state(trial, trials) is State.COMPLETE)
    return max(complete, key=lambda trial: (trial.mean(), -trial.number), default=None)
