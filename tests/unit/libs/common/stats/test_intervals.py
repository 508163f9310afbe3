import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.stats.intervals import bootstrap_means, exact_lower_bound, quantile_interval, share_difference, wilson_interval


@given(st.integers(1, 5000).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_wilson_holds_the_share_inside_0_to_1(counted: tuple[int, int]) -> None:
    successes, count = counted
    interval = wilson_interval(successes, count)
    assert 0 <= interval.low <= successes / count <= interval.high <= 1


def test_wilson_matches_the_published_example() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857, table I: 81 of 263.
    interval = wilson_interval(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)


def test_wilson_without_trials_knows_nothing() -> None:
    interval = wilson_interval(0, 0)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_the_exact_bound_is_the_share_that_would_show_so_many_successes_once_in_twenty() -> None:
    from scipy.stats import binom

    low = exact_lower_bound(18, 20)
    assert binom.sf(17, 20, low) == pytest.approx(0.05)
    assert (exact_lower_bound(0, 20), exact_lower_bound(20, 20)) == (0.0, pytest.approx(0.05 ** (1 / 20)))


def test_the_difference_of_two_shares_matches_the_published_example() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873, table II, method 10: 56 of 70 against 48 of 80.
    first, second = np.arange(70) < 56, np.arange(80) < 48
    found = share_difference(first, second)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert share_difference(first, second[:0]).low == -1


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_quantile_interval_covers_the_true_quantile(quantile: float) -> None:
    random = np.random.default_rng(5)
    truth = -np.log(1 - quantile)
    replays = [quantile_interval(random.exponential(size=400), quantile) for _ in range(1000)]
    covered = np.mean([interval.low <= truth <= interval.high for interval in replays])
    assert covered >= 0.93


def test_quantile_interval_of_one_value_is_that_value() -> None:
    interval = quantile_interval(np.array([7.0]), 0.95)
    assert (interval.low, interval.high) == (7.0, 7.0)


def test_the_bounds_of_means_are_those_of_the_normal_law_and_the_seeds() -> None:
    rows = np.random.default_rng(0).normal([0.0, 5.0], [1.0, 2.0], size=(2000, 2))
    first, second = bootstrap_means(rows, seed=1)
    for bounds, mean, deviation in ((first, rows[:, 0].mean(), 1.0), (second, rows[:, 1].mean(), 2.0)):
        assert (bounds.low, bounds.high) == pytest.approx(
            (mean - 1.96 * deviation / 2000**0.5, mean + 1.96 * deviation / 2000**0.5), abs=0.1 * deviation / 20
        )
    assert bootstrap_means(rows, seed=1) == (first, second) != bootstrap_means(rows, seed=2)
