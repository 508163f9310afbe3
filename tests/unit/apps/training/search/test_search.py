"""A search comes to the same whatever the order of its results, and however often it is killed."""

from pathlib import Path
from random import Random

import pytest

from apps.training.search.journal import Journal
from apps.training.search.search import Search
from apps.training.search.trials import State, Trial, best_of
from tests.unit.apps.training.search.spaces import COURSE, Killed, go_on, objective, plan, states


@pytest.fixture(scope="module")
def orderly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, ...]:
    return go_on(tmp_path_factory.mktemp("orderly"), plan(), Random(0))[0]


def test_it_finds_better_options_than_the_configured_ones(orderly: tuple[Trial, ...]) -> None:
    best = best_of(orderly, COURSE)
    assert best and best.mean() > orderly[0].mean() + 0.03
    assert states(orderly).count(State.STOPPED) >= 5
    assert orderly[0].options == {"depth": 4, "rate": 0.1, "encoder": "small"}
    assert states(orderly)[0] is State.COMPLETE


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_points_it_tries_the_same_and_selects_the_same(
    orderly: tuple[Trial, ...], tmp_path: Path, seed: int
) -> None:
    chance, kills = Random(seed), 0
    while True:
        try:
            trials, ended = go_on(tmp_path, plan(), chance, deadly=0.04)
            break
        except Killed:
            kills += 1
    assert kills >= 2
    assert trials == orderly
    assert sorted(ended) == list(range(24))


def test_more_trials_continue_a_search_and_fewer_repeat_its_beginning(orderly: tuple[Trial, ...], tmp_path: Path) -> None:
    assert go_on(tmp_path, plan(trials=10), Random(1))[0] == orderly[:10]
    assert go_on(tmp_path, plan(trials=24), Random(2))[0] == orderly
    assert go_on(tmp_path, plan(trials=10), Random(3))[0] == orderly[:10]


def test_another_seed_tries_other_options(orderly: tuple[Trial, ...], tmp_path: Path) -> None:
    others = go_on(tmp_path, plan(trials=4, seed=1), Random(0))[0]
    assert others[0].options == orderly[0].options
    assert all(other.options != trial.options for other, trial in zip(others[1:], orderly[1:], strict=False))


def test_a_generation_waits_for_the_one_before(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        search = Search(plan(), journal, lambda trial, state: None)
        first = [search.next() for _ in range(4)]
        assert [trial and trial.number for trial in first] == [0, 1, 2, 3]
        assert search.next() is None
        for number in range(4):
            search.fail(number, "too deep")
        second = search.next()
        assert second and second.number == 4


def test_a_fold_that_a_killed_worker_reports_again_is_not_noted_again(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        search = Search(plan(), journal, lambda trial, state: None)
        search.next()
        assert not search.report(0, 0, 0.5)
        assert not search.report(0, 0, 0.9)
        assert search.trials[0].scores == (0.5,)
        assert not search.report(0, 1, 0.6)
        assert search.trials[0].scores == (0.5, 0.6)


def test_what_a_dead_worker_gives_back_is_handed_out_again_with_its_folds(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        search = Search(plan(), journal, lambda trial, state: None)
        for _ in range(4):
            search.next()
        search.report(2, 0, 0.5)
        assert search.next() is None
        search.give_back(2)
        again = search.next()
        assert again and (again.number, again.scores) == (2, (0.5,))
        assert search.next() is None


def test_options_that_cannot_be_fitted_end_their_trial(tmp_path: Path) -> None:
    ended: list[tuple[int, State]] = []
    with Journal(tmp_path) as journal:
        search = Search(plan(trials=1), journal, lambda trial, state: ended.append((trial.number, state)))
        search.next()
        search.fail(0, "no term is left")
        search.fail(0, "said again")
        assert search.report(0, 0, objective(search.trials[0].options, 0))
        assert (search.remaining, search.best, search.trials[0].failed) == (0, None, "no term is left")
    assert ended == [(0, State.FAILED)]
