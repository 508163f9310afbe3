import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.stats.abstention import abstention, risk_coverage

ANSWERS = st.lists(st.tuples(st.sampled_from([0.3, 0.5, 0.8, 0.9, 0.99]), st.booleans()), min_size=1, max_size=200)


def _arrays(answers: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    confidence, right = zip(*answers, strict=True)
    return np.array(confidence), np.array(right)


@given(ANSWERS)
def test_the_curve_ends_at_all_answers_with_the_share_of_wrong_ones(answers: list[tuple[float, bool]]) -> None:
    confidence, right = _arrays(answers)
    coverage, risk = risk_coverage(confidence, right)
    assert (np.diff(coverage) > 0).all()
    assert len(coverage) == len(set(confidence.tolist()))
    assert (coverage[-1], risk[-1]) == (1.0, pytest.approx(1 - right.mean()))


@given(ANSWERS)
def test_a_threshold_answers_what_it_says_with_at_least_the_target(answers: list[tuple[float, bool]]) -> None:
    confidence, right = _arrays(answers)
    found = abstention(confidence, right, target=0.8)
    if found is not None:
        answered = confidence >= found.threshold
        assert found.coverage == answered.mean()
        assert found.precision == right[answered].mean() >= found.precision_low >= 0.8


def test_few_answers_promise_nothing_and_many_right_ones_promise_all() -> None:
    confidence = np.linspace(0.5, 1.0, 20)
    assert abstention(confidence, np.ones(20, dtype=bool), target=0.95) is None
    many = np.tile(confidence, 20)
    found = abstention(many, np.ones(400, dtype=bool), target=0.95)
    assert found is not None and (found.coverage, found.threshold) == (1.0, 0.5)
    assert abstention(np.zeros(0), np.zeros(0, dtype=bool), target=0.95) is None


def test_the_promise_is_broken_in_at_most_one_of_twenty_drawings() -> None:
    """Answers that are right as often as they are sure, so that the true precision above a threshold is known."""
    generator = np.random.default_rng(3)
    broken = 0
    for _ in range(200):
        confidence = generator.uniform(0.5, 1.0, 400)
        found = abstention(confidence, generator.random(400) < confidence, target=0.85)
        # The mean of what is uniform between the threshold and 1.
        broken += found is not None and (found.threshold + 1) / 2 < 0.85
    assert broken <= 10


def test_nothing_answered_has_no_curve() -> None:
    coverage, risk = risk_coverage(np.zeros(0), np.zeros(0, dtype=bool))
    assert len(coverage) == len(risk) == 0
