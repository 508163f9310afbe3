import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from libs.common.stats import metrics

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(ROWS)
def test_figures_are_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    truth, predicted = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    counts = metrics.confusion(truth, predicted, 4)
    seen = sorted(set(truth.tolist()))
    for ours, theirs in (
        (metrics.macro_f1, f1_score),
        (metrics.macro_precision, precision_score),
        (metrics.macro_recall, recall_score),
    ):
        expected = theirs(truth, predicted, labels=seen, average="macro", zero_division=0)
        assert float(ours(counts)) == pytest.approx(expected)
    assert float(metrics.accuracy(counts)) == pytest.approx(accuracy_score(truth, predicted))
    for ours, theirs in ((metrics.weighted_f1, f1_score), (metrics.weighted_precision, precision_score)):
        expected = theirs(truth, predicted, labels=seen, average="weighted", zero_division=0)
        assert float(ours(counts)) == pytest.approx(expected)


def test_each_class_has_an_interval_of_its_own() -> None:
    few, many = metrics.bootstrap_by_class(np.array([[8, 2], [100, 900]]), metrics.recall_by_class, seed=3)
    assert few.low < few.value == 0.8 < few.high
    assert many.low < many.value == 0.9 < many.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_the_bootstrap_interval_covers_the_figure_narrows_with_rows_and_repeats_with_the_seed() -> None:
    few = np.array([[8, 2], [1, 9]])
    wide, narrow = (metrics.bootstrap(counts, metrics.accuracy, seed=3) for counts in (few, few * 100))
    assert wide.low < wide.value == 0.85 < wide.high
    assert narrow.high - narrow.low < (wide.high - wide.low) / 5
    # ±1.96 standard errors of a share of .85 over 2 000 rows.
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 * np.sqrt(0.85 * 0.15 / 2000), rel=0.1)
    assert wide == metrics.bootstrap(few, metrics.accuracy, seed=3)


def test_no_rows_are_no_evidence() -> None:
    assert metrics.bootstrap(np.zeros((2, 2), dtype=np.int64), metrics.accuracy, seed=0) == metrics.Interval(0.0, 0.0, 1.0)
