import pytest

from apps.training.search.trials import Course, State, Trial, best_of

COURSE = Course(folds=5, generation=2, reduction=2)


def trial(number: int, *scores: float, failed: str = "") -> Trial:
    return Trial(number, {}, scores, failed)


@pytest.mark.parametrize(("folds", "reduction", "rungs"), [(5, 2, (1, 2, 4)), (5, 3, (1, 3)), (4, 2, (1, 2)), (2, 4, (1,))])
def test_rungs_grow_by_the_reduction_and_end_before_the_last_fold(folds: int, reduction: int, rungs: tuple[int, ...]) -> None:
    assert Course(folds, 4, reduction).rungs == rungs


def test_the_first_generation_is_judged_on_every_fold() -> None:
    trials = [trial(0, 0.9), trial(1, 0.1)]
    assert [COURSE.state(one, trials) for one in trials] == [State.OPEN, State.OPEN]
    done = [trial(0, *[0.9] * 5), trial(1, *[0.1] * 5)]
    assert [COURSE.state(one, done) for one in done] == [State.COMPLETE, State.COMPLETE]


def test_what_is_below_the_best_half_of_a_rung_is_stopped_there() -> None:
    earlier = [trial(0, *[0.9] * 5), trial(1, *[0.5] * 5)]
    assert COURSE.state(trial(2, 0.69), [*earlier, trial(2, 0.69)]) is State.STOPPED
    assert COURSE.state(trial(2, 0.7), earlier) is State.OPEN  # the median is 0.7
    assert COURSE.state(trial(2, 0.8, 0.5), earlier) is State.STOPPED  # a mean of 0.65
    assert COURSE.state(trial(2, 0.8, 0.7, 0.1), earlier) is State.OPEN  # no rung after three folds


def test_its_own_generation_and_failures_are_no_measure() -> None:
    earlier = [trial(0, *[0.5] * 5), trial(1, 0.99, failed="no memory")]
    assert COURSE.state(trial(2, 0.6), [*earlier, trial(2, 0.6), trial(3, 0.99)]) is State.OPEN
    assert COURSE.state(earlier[1], earlier) is State.FAILED


def test_the_best_is_complete_and_the_earliest_of_equals() -> None:
    trials = [trial(0, *[0.7] * 5), trial(1, *[0.7] * 5), trial(2, 0.99)]
    assert best_of(trials, COURSE) == trials[0]
    assert best_of(trials[2:], COURSE) is None
