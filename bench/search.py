"""What Ray Tune costs a search: the same trials by Optuna alone, and under Ray Tune, one at a time and two side by side.

All arms ask the product's own search (Optuna's TPE, ASHA's rule, the synced journal) and judge the same folds of few synthetic
mails with the tabular family; `alone` does so in one loop in one process. With one seed they try the same options and end
them after the same folds, which is checked: what they take apart is Ray Tune's. Arms run in turns, --rounds times. Steady
state is from the end of the first trial to that of the last; what comes before is start-up, which under Ray is a worker's, not
the cluster's. `overhead` is what a trial takes more with Ray Tune than without, in pairs of one round; `real_trial` is what
all folds of the configured options take on the SpamAssassin task, to compare it with. Figures are the median, with the lowest
and the highest.

python bench/search.py [--trials 24] [--rounds 5] [--corpus FILE]; some four minutes on two cores.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}

import ray

from apps.training.datasets.build import BuildRequest, drafted
from apps.training.fitting.examples import Examples, read_examples
from apps.training.provenance import Stamp, code_commit
from apps.training.search.journal import Journal
from apps.training.search.objective import Subject, try_folds
from apps.training.search.search import Plan, Search
from apps.training.search.suggest import configured_options
from apps.training.search.trials import Course, State, Trial
from apps.training.search.tuning import run_trials
from bench.recording import REPO, Figure, record, spread
from libs.common.config.loader import load_config
from libs.common.domain.dataset import Split
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_FAMILY, _SEED = "tabular", 0
_FEW_MAILS = "synthetic://?n=200&seed=1"


@dataclass(frozen=True)
class _Run:
    """What was tried, and when each trial ended, in seconds since the search began."""

    trials: tuple[Trial, ...]
    ended: tuple[float, ...]

    @property
    def start_up(self) -> float:
        return self.ended[0]

    @property
    def per_trial(self) -> float:
        return (self.ended[-1] - self.ended[0]) / (len(self.ended) - 1)


def main() -> int:
    """Measure the arms in turns, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    chosen = parser.parse_args()
    if not chosen.corpus.is_file():
        parser.error(f"write a --corpus that exists: {chosen.corpus}")
    start_ray(cpus=2)
    few, real = _subject(_FEW_MAILS, None), _subject(str(chosen.corpus), "spamassassin")
    rounds = [_round(few, chosen.trials) for _ in range(chosen.rounds)]
    real_trial = _real_trial(real)
    ray.shutdown()
    print(record("search", _figures(rounds, real_trial)))
    return 0


def _subject(source: str, recipe: str | None) -> Subject:
    request = BuildRequest(name="search", sources=(source,), recipe=recipe)
    with drafted(request, Stamp(datetime.now(UTC), code_commit(), ""), None) as (folder, _):
        examples: Examples = read_examples(folder, Split.TRAIN)
    return Subject(examples, _FAMILY, load_config("local", REPO).training, _SEED)


def _round(subject: Subject, trials: int) -> dict[str, _Run]:
    found = {name: _search(subject, trials, arm) for name, arm in _ARMS.items()}
    first, *others = (run.trials for run in found.values())
    if any(other != first for other in others):
        raise SystemExit("the arms did not try the same: there is nothing to compare")
    told = ", ".join(f"{name} {run.per_trial:.3f} s a trial after {run.start_up:.1f} s" for name, run in found.items())
    print(told, file=sys.stderr, flush=True)
    return found


def _search(subject: Subject, trials: int, arm: Callable[[Search, Subject, Path], None]) -> _Run:
    search, section = subject.settings.search, subject.settings.families.tabular
    course = Course(len(set(subject.examples.folds)), search.generation, search.reduction)
    plan = Plan(search.families[_FAMILY].space, section, trials, course, _SEED)
    ended: list[float] = []
    with TemporaryDirectory(prefix="triage-bench-") as scratch, Journal(Path(scratch) / "journal") as journal:
        began = time.monotonic()

        def witness(_trial: Trial, _state: State) -> None:
            ended.append(time.monotonic() - began)

        under_way = Search(plan, journal, witness)
        arm(under_way, subject, Path(scratch))
        return _Run(under_way.trials, tuple(ended))


class _Ended(Exception):
    """A trial goes no further."""


def _alone(search: Search, subject: Subject, _: Path) -> None:
    while (trial := search.next()) is not None:
        number = trial.number

        def report(figures: dict[str, Any], number: int = number) -> None:
            if search.report(number, figures["fold"], figures["score"]):
                raise _Ended

        try:
            try_folds(subject, trial.options, 0, report)
        except _Ended:
            continue


def _tune(at_once: int, search: Search, subject: Subject, scratch: Path) -> None:
    run_trials(search, subject, at_once, scratch)


_ARMS = {"alone": _alone, "tune": partial(_tune, 1), "tune_by_two": partial(_tune, 2)}


def _real_trial(subject: Subject) -> float:
    """Seconds that all folds of the configured options take."""
    space = subject.settings.search.families[_FAMILY].space
    began = time.monotonic()
    try_folds(subject, configured_options(space, subject.settings.families.tabular), 0, lambda _: None)
    return time.monotonic() - began


def _figures(rounds: Sequence[dict[str, _Run]], real_trial: float) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for arm in _ARMS:
        figures[f"{arm}_per_trial"] = spread([found[arm].per_trial for found in rounds], "s", 3)
        figures[f"{arm}_start_up"] = spread([found[arm].start_up for found in rounds], "s", 3)
    overheads = [found["tune"].per_trial - found["alone"].per_trial for found in rounds]
    figures["overhead"] = spread(overheads, "s a trial", 3, baseline="alone")
    figures["two_to_one"] = spread(
        [one["tune"].per_trial / one["tune_by_two"].per_trial for one in rounds], "ratio", 3, baseline="tune"
    )
    figures["folds_judged"] = Figure(sum(len(trial.scores) for trial in rounds[0]["alone"].trials), "folds")
    figures["real_trial"] = Figure(round(real_trial, 1), "s")
    share = median(overheads) / real_trial
    figures["overhead_share"] = Figure(round(share, 4), "of a real trial", baseline="alone")
    return figures


if __name__ == "__main__":
    sys.exit(main())
