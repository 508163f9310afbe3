from random import Random

import pytest

from apps.training.search.suggest import importance_of, suggest
from apps.training.search.trials import Trial
from tests.unit.apps.training.search.spaces import COURSE, SPACE, TREES, go_on, objective, plan


def tried(count: int) -> list[Trial]:
    chance, trials = Random(0), []
    for number in range(count):
        options = {
            "depth": chance.randint(1, 8),
            "rate": 10 ** chance.uniform(-2, 0),
            "encoder": chance.choice(["small", "large"]),
        }
        trials.append(Trial(number, options, tuple(objective(options, fold) for fold in range(5))))
    return trials


def test_the_first_options_are_the_configured_ones() -> None:
    assert suggest(SPACE, TREES, [], COURSE, seed=3) == {"depth": 4, "rate": 0.1, "encoder": "small"}


def test_suggestions_lie_in_the_space_and_have_the_types_of_the_section() -> None:
    found = suggest(SPACE, TREES, tried(20), COURSE, seed=0)
    assert all(SPACE[name].hold(value) for name, value in found.items())
    assert [type(found[name]) for name in ("depth", "rate", "encoder")] == [int, float, str]


def test_results_of_its_own_generation_do_not_change_a_suggestion() -> None:
    trials = tried(18)
    running = [*trials[:16], *(Trial(trial.number, trial.options) for trial in trials[16:])]
    assert suggest(SPACE, TREES, running, COURSE, seed=0) == suggest(SPACE, TREES, trials, COURSE, seed=0)


def test_two_of_a_generation_are_not_suggested_the_same() -> None:
    trials = tried(16)
    first = suggest(SPACE, TREES, trials, COURSE, seed=0)
    assert suggest(SPACE, TREES, [*trials, Trial(16, first)], COURSE, seed=0) != first


def test_failed_trials_are_known_and_taught_nothing() -> None:
    trials = tried(16)
    broken = [*trials[:15], Trial(15, trials[15].options, failed="no term is left")]
    assert suggest(SPACE, TREES, broken, COURSE, seed=0).keys() == SPACE.keys()


def test_what_decides_the_objective_is_the_most_important() -> None:
    options = [{"depth": 1 + number % 8, "rate": 0.1 * 1.01**number, "encoder": "small"} for number in range(40)]
    trials = [Trial(number, one, (float(one["depth"]) / 10 + number / 10**6,) * 5) for number, one in enumerate(options)]
    course = type(COURSE)(folds=5, generation=40, reduction=2)
    importance = importance_of(SPACE, TREES, trials, course)
    assert next(iter(importance)) == "depth"
    assert sum(importance.values()) == pytest.approx(1)


def test_of_few_trials_no_importance_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    trials, _ = go_on(tmp_path_factory.mktemp("few"), plan(trials=8), Random(0))
    assert importance_of(SPACE, TREES, trials, COURSE) == {}
