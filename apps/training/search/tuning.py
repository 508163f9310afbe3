"""Ray Tune's side of a search: a searcher and a scheduler that ask the `Search`, and the run itself.

Imported only where options are searched: importing Ray Tune takes a second. Its own experiment state is not used.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from apps.training.search.objective import Subject, try_folds
from apps.training.search.search import Search
from libs.common.errors import StoreError

# How often a trial whose worker died is begun again.
_RETRIES = 3
# What the driver of a Ray Train run books; its workers book their own. Ray refuses 0.
_DRIVER_CPUS = 0.01


class JournalSearcher(Searcher):
    """Hands out what the search wants tried next, also what a dead worker left behind."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search = search
        self._numbers: dict[str, int] = {}
        self._lost: Counter[int] = Counter()

    def suggest(self, trial_id: str) -> Any:
        """Options; None where the search must wait; FINISHED where nothing remains, or a trial lost too many workers."""
        if not self._search.remaining or max(self._lost.values(), default=0) > _RETRIES:
            return Searcher.FINISHED
        trial = self._search.next()
        if trial is None:
            return None
        self._numbers[trial_id] = trial.number
        return {"number": trial.number, "options": trial.options, "known": len(trial.scores)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """What a trial came to was reported fold by fold; only that its worker is gone is news."""
        if error:
            number = self._numbers[trial_id]
            self._lost[number] += 1
            self._search.give_back(number)

    def save(self, checkpoint_path: str) -> None:
        """The journal is the state."""


class GenerationScheduler(FIFOScheduler):
    """ASHA that compares a trial with earlier generations: writes each report down, and stops what does not go on."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search = search

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        number = int(trial.config["number"])
        if "failed" in result:
            self._search.fail(number, str(result["failed"]))
            return TrialScheduler.STOP
        ended = self._search.report(number, int(result["fold"]), float(result["score"]))
        return TrialScheduler.STOP if ended else TrialScheduler.CONTINUE


def run_trials(search: Search, subject: Subject, at_once: int, scratch: Path) -> None:
    """Try what remains, ``at_once`` side by side; StoreError where trials are left, which a further run goes on with."""
    driver_cpus = 1 if subject.family == "tabular" else _DRIVER_CPUS
    trainable = tune.with_resources(tune.with_parameters(_try, subject=subject), {"cpu": driver_cpus})
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=JournalSearcher(search),
            scheduler=GenerationScheduler(search),
            num_samples=search.remaining * (1 + _RETRIES),  # a bound; the searcher knows when to end
            max_concurrent_trials=at_once,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="search", storage_path=str(scratch), verbose=0),
    )
    found = tuner.fit()
    if search.remaining:
        why = f": {found.errors[0]}" if found.errors else ""
        raise StoreError(
            f"{search.remaining} of {search.plan.trials} trials did not end{why}",
            "what was tried is kept; the same command goes on. Where workers run out of memory, narrow the space",
        )


def _try(config: dict[str, Any], subject: Subject) -> None:
    # A trial is stopped at a report, where its thread waits and ends at once. Ray gives it 2 s, else the worker is not used
    # again and the searcher not told; on a machine that is busy enough, that is little.
    os.environ["TUNE_FUNCTION_THREAD_TIMEOUT_S"] = "60"
    try_folds(subject, config["options"], config["known"], _report)


def _report(figures: dict[str, Any]) -> None:
    tune.report(figures)
