"""One search under way: what is to be tried next, and what a report means. Knows no Ray; the journal is its memory."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.training.search.journal import Journal
from apps.training.search.suggest import suggest
from apps.training.search.trials import Course, State, Trial, best_of
from libs.common.config.section import Section
from libs.common.config.spaces import Space

Ended = Callable[[Trial, State], None]


@dataclass(frozen=True)
class Plan:
    """What is searched: ``space`` over the configured ``section``, with so many ``trials``, by a ``course`` and a ``seed``."""

    space: Space
    section: Section
    trials: int
    course: Course
    seed: int


class Search:
    """A plan and its journal; ``ended`` is told of each trial when it ends, and here of those that had ended before."""

    def __init__(self, plan: Plan, journal: Journal, ended: Ended) -> None:
        self.plan = plan
        self._journal = journal
        self._ended = ended
        self._handed_out: set[int] = set()
        for trial in self.trials:
            if (state := self.state(trial)) is not State.OPEN:
                ended(trial, state)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial begun, of those that the plan asks for."""
        return self._journal.trials[: self.plan.trials]

    @property
    def remaining(self) -> int:
        """How many trials have not ended."""
        return self.plan.trials - sum(self.state(trial) is not State.OPEN for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The best so far."""
        return best_of(self.trials, self.plan.course)

    def state(self, trial: Trial) -> State:
        """How far a trial has come."""
        return self.plan.course.state(trial, self.trials)

    def next(self) -> Trial | None:
        """What to try now: what a kill interrupted, then something new; None where that must wait, or all are begun."""
        plan, trials = self.plan, self.trials
        unfinished = [trial for trial in trials if self.state(trial) is State.OPEN]
        chosen = next((trial for trial in unfinished if trial.number not in self._handed_out), None)
        if chosen is None:
            learned = {trial.number for trial in plan.course.earlier(trials, len(trials))}
            if len(trials) == plan.trials or any(trial.number in learned for trial in unfinished):
                return None
            chosen = self._journal.begin(suggest(plan.space, plan.section, trials, plan.course, plan.seed))
        self._handed_out.add(chosen.number)
        return chosen

    def report(self, number: int, fold: int, score: float) -> bool:
        """Note a score; whether the trial has ended. A fold that was noted before a worker was killed is not noted again."""
        trial = self.trials[number]
        if self.state(trial) is State.OPEN and fold == len(trial.scores):
            self._journal.score(number, score)
            self._tell(number)
        return self.state(self.trials[number]) is not State.OPEN

    def give_back(self, number: int) -> None:
        """Whoever tried this is gone: `next` hands it out again, with the folds that it had reported."""
        self._handed_out.discard(number)

    def fail(self, number: int, why: str) -> None:
        """Note that the options of a trial cannot be fitted."""
        if self.state(self.trials[number]) is State.OPEN:
            self._journal.fail(number, why)
            self._tell(number)

    def _tell(self, number: int) -> None:
        trial = self.trials[number]
        if (state := self.state(trial)) is not State.OPEN:
            self._ended(trial, state)
