"""A small space, and an objective that needs no fitting."""

import math
from collections.abc import Mapping
from pathlib import Path
from random import Random

from pydantic import PositiveInt

from apps.training.search.journal import Journal
from apps.training.search.search import Plan, Search
from apps.training.search.trials import Course, State, Trial
from libs.common.config.section import Section
from libs.common.config.spaces import Candidates
from libs.common.domain.search import Scalar


class Trees(Section):
    depth: PositiveInt
    rate: float
    encoder: str


TREES = Trees(depth=4, rate=0.1, encoder="small")
SPACE = {
    "depth": Candidates(low=1, high=8),
    "rate": Candidates(low=0.01, high=1, log=True),
    "encoder": Candidates(choices=("small", "large")),
}
COURSE = Course(folds=5, generation=4, reduction=2)


def plan(trials: int = 24, seed: int = 0) -> Plan:
    return Plan(SPACE, TREES, trials, COURSE, seed)


def objective(options: Mapping[str, Scalar], fold: int) -> float:
    """Best at a depth of 6, a rate of 0.3 and the large encoder; no two folds agree quite."""
    depth, rate = float(options["depth"]), float(options["rate"])
    large = 0.05 if options["encoder"] == "large" else 0.0
    return 0.8 - 0.01 * (depth - 6) ** 2 - 0.05 * abs(math.log10(rate / 0.3)) + large + 0.01 * math.sin(7 * fold + depth)


class Killed(Exception):
    """The driver of a search ended, whatever it was at."""


def go_on(folder: Path, asked: Plan, chance: Random, deadly: float = 0.0) -> tuple[tuple[Trial, ...], list[int]]:
    """Search as a driver with up to four workers does, in an order of chance; trials, and the numbers of those told as ended.

    At each step it is killed with a probability of ``deadly``, and may then leave a torn line behind.
    """
    ended: list[int] = []
    with Journal(folder) as journal:
        search = Search(asked, journal, lambda trial, state: ended.append(trial.number))
        running: dict[int, int] = {}
        while search.remaining:
            if chance.random() < deadly:
                if chance.random() < 0.5:
                    with (folder / "trials.jsonl").open("a") as file:
                        file.write('{"trial": 0, "fold"')
                raise Killed
            if len(running) < 4 and (trial := search.next()):
                running[trial.number] = len(trial.scores)
            if running and chance.random() < 0.8:
                number = chance.choice(sorted(running))
                fold, running[number] = running[number], running[number] + 1
                if search.report(number, fold, objective(search.trials[number].options, fold)):
                    del running[number]
        return search.trials, ended


def states(trials: tuple[Trial, ...]) -> list[State]:
    return [COURSE.state(trial, trials) for trial in trials]
