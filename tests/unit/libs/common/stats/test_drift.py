import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.stats.drift import clustering, drift_score, holm, ks_p_value, largest_gap
from libs.common.stats.intervals import wilson_interval


def distance_between(first: np.ndarray, second: np.ndarray) -> float:
    return largest_gap(first, second)[0]


FEATURES = [f"feature_{number}" for number in range(12)]


def sample(random: np.random.Generator, size: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    """Twelve features, half of them counts with many ties, correlated through one common length; one may be shifted."""
    length = random.lognormal(size=size)
    drawn = {name: np.round(length * random.gamma(2.0, size=size)) if number % 2 else length + random.normal(size=size)
             for number, name in enumerate(FEATURES)}  # fmt: skip
    drawn["feature_0"] = drawn["feature_0"] + shift
    return drawn


def test_distance_and_p_value_agree_with_scipy() -> None:
    from scipy.stats import ks_2samp

    random = np.random.default_rng(1)
    first, second = random.normal(size=900), random.normal(0.1, size=700)
    expected = ks_2samp(first, second, method="asymp")
    distance = distance_between(first, second)
    assert distance == pytest.approx(expected.statistic)
    assert expected.pvalue <= ks_p_value(distance, 900, 700) <= expected.pvalue * 1.2


@given(st.integers(0, 10_000), st.floats(-3, 3))
@settings(max_examples=25, deadline=None)
def test_distance_ignores_the_unit_and_is_symmetric(seed: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    first, second = random.normal(size=50), random.normal(shift, size=80)
    assert distance_between(first, second) == distance_between(second, first) == distance_between(first * 4 + 1, second * 4 + 1)
    assert 0 <= distance_between(first, second) <= 1


def test_false_alarms_on_stationary_traffic_stay_within_alpha() -> None:
    random = np.random.default_rng(2)
    reference = sample(random, 4000)
    replays = 400
    alarms = sum(drift_score(reference, sample(random, 300), 0.05, 100).score != 0 for _ in range(replays))
    assert wilson_interval(alarms, replays).low <= 0.05


def test_a_real_shift_is_found_and_named() -> None:
    random = np.random.default_rng(3)
    found = drift_score(sample(random, 4000), sample(random, 400, shift=0.8), 0.001, 100)
    assert found.feature == "feature_0"
    assert found.score is not None and found.score > 0.1
    assert found.significant == ("feature_0",)


@pytest.mark.parametrize(("shift", "drifted"), [(0.0, False), (0.05, False), (0.8, True)])
def test_a_hundred_times_the_traffic_changes_no_verdict(shift: float, drifted: bool) -> None:
    random = np.random.default_rng(4)
    reference = sample(random, 20_000)
    scores = [drift_score(reference, sample(random, size, shift), 0.001, 100).score for size in (1000, 100_000)]
    assert [score is not None and score > 0.1 for score in scores] == [drifted, drifted]


def test_below_the_minimum_sample_there_is_no_score() -> None:
    random = np.random.default_rng(6)
    few = drift_score(sample(random, 1000), sample(random, 99, shift=9.0), 0.001, 100)
    assert (few.score, few.feature, few.count) == (None, None, 99)


def test_features_known_to_one_side_only_and_missing_values_are_left_out() -> None:
    random = np.random.default_rng(7)
    reference = {"words": random.normal(size=500), "gone": random.normal(size=500)}
    live = {"words": np.append(random.normal(size=500), [np.nan, np.inf]), "new": random.normal(size=500)}
    found = drift_score(reference, live, 0.001, 100)
    assert list(found.distances) == ["words"]
    assert found.count == 500


def test_nothing_in_common_is_insufficient() -> None:
    assert drift_score({"words": np.ones(500)}, {}, 0.001, 100).score is None


def test_holm_steps_down() -> None:
    assert holm({"a": 0.01, "b": 0.02, "c": 0.04, "d": 0.5}, 0.05) == ("a",)
    assert holm({"a": 0.01, "b": 0.015, "c": 0.02, "d": 0.5}, 0.05) == ("a", "b", "c")
    assert holm({}, 0.05) == ()


def threads(random: np.random.Generator, mails: int, length: int) -> np.ndarray:
    """Mails in threads of ``length`` that share one value."""
    return np.repeat(random.normal(size=mails // length), length)


def test_threads_of_like_mails_are_no_drift() -> None:
    random = np.random.default_rng(8)
    reference = {name: threads(random, 4000, 5) for name in FEATURES}
    replays = 300
    found = [
        drift_score(reference, {name: threads(random, 300, 5) for name in FEATURES}, 0.001, 100).score for _ in range(replays)
    ]
    # Taken for independent mails, 98 % of these windows would alarm.
    assert sum(score != 0 for score in found) <= 0.02 * replays


def test_threads_hide_no_real_shift() -> None:
    random = np.random.default_rng(9)
    found = [
        drift_score({"chars": threads(random, 4000, 5)}, {"chars": threads(random, 600, 5) + 1.0}, 0.001, 100).score
        for _ in range(100)
    ]
    assert sum(score is not None and score > 0.15 for score in found) >= 99


def test_clustering_measures_how_many_mails_are_worth_one() -> None:
    random = np.random.default_rng(10)
    alone = np.mean([clustering(random.random(1000) < 0.3) for _ in range(200)])
    in_fives = np.mean([clustering(np.repeat(random.random(200) < 0.3, 5)) for _ in range(200)])
    assert alone == pytest.approx(1.1, abs=0.1)
    assert in_fives == pytest.approx(5, rel=0.1)
    assert clustering(np.ones(100, dtype=bool)) == clustering(random.random(10) < 0.5) == 1.0
