import numpy as np
import pytest

from libs.common.stats.clusters import bootstrap_groups, paired_gain
from libs.common.stats.metrics import Interval, accuracy, bootstrap, confusion, macro_f1

NOBODY = np.array([], dtype=np.int64)


def test_a_paired_gain_sees_what_two_separate_intervals_would_not() -> None:
    truth = np.array([0, 1] * 200, dtype=np.int64)
    base, other = truth.copy(), truth.copy()
    base[:40] = 1 - base[:40]
    other[:25] = 1 - other[:25]
    gain = paired_gain(truth, base, other, 2, accuracy, seed=0)
    assert gain.value == pytest.approx(15 / 400)
    assert 0 < gain.low < gain.value < gain.high
    same = paired_gain(truth, base, base, 2, accuracy, seed=0)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_rows_that_are_groups_of_their_own_give_the_interval_of_rows() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 3, 600)
    predicted = np.where(generator.random(600) < 0.8, truth, (truth + 1) % 3)
    for statistic in (accuracy, macro_f1):
        ours = bootstrap_groups(truth, predicted, 3, statistic, 0, np.arange(600))
        rows = bootstrap(confusion(truth, predicted, 3), statistic, seed=0)
        assert ours.value == pytest.approx(rows.value)
        assert (ours.low, ours.high) == pytest.approx((rows.low, rows.high), abs=0.004)


def test_what_is_wrong_together_counts_once() -> None:
    """Ten mails of one campaign are one piece of evidence: the interval is √10 times as wide."""
    truth = np.zeros(1000, dtype=np.int64)
    wrong = np.repeat((np.arange(100) % 5 == 0).astype(np.int64), 10)
    groups = np.repeat(np.arange(100), 10)
    apart, together = (bootstrap_groups(truth, wrong, 2, accuracy, 0, each) for each in (np.arange(1000), groups))
    assert apart.value == together.value == pytest.approx(0.8)
    ratio = (together.high - together.low) / (apart.high - apart.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)
    assert paired_gain(truth, wrong, truth, 2, accuracy, 0).low > paired_gain(truth, wrong, truth, 2, accuracy, 0, groups).low


def test_the_seed_gives_the_interval() -> None:
    truth = np.arange(300) % 3
    base, other = (truth + (np.arange(300) % 7 == 0)) % 3, (truth + (np.arange(300) % 11 == 0)) % 3
    found = [paired_gain(truth, base, other, 3, macro_f1, seed) for seed in (4, 4, 5)]
    assert found[0] == found[1] != found[2]


def test_no_rows_are_no_evidence() -> None:
    assert paired_gain(NOBODY, NOBODY, NOBODY, 2, accuracy, 0) == Interval(0.0, -1.0, 1.0)
    assert bootstrap_groups(NOBODY, NOBODY, 2, accuracy, 0, NOBODY) == Interval(0.0, 0.0, 1.0)
