import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from libs.common.stats.calibration import (
    brier_score,
    calibration_error,
    fit_temperature,
    overconfidence,
    reliability,
    softmax,
)


def _drawn(temperature: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn with the probabilities that the scores have at this temperature."""
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(rows, 3)) * 3
    chosen = [generator.choice(3, p=row) for row in softmax(logits, temperature)]
    return logits, np.array(chosen, dtype=np.int64)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_drew_the_labels_is_found(true_temperature: float) -> None:
    logits, truth = _drawn(true_temperature)
    assert fit_temperature(logits, truth) == pytest.approx(true_temperature, rel=0.1)


def test_the_right_temperature_lowers_the_calibration_error() -> None:
    logits, truth = _drawn(3.0)
    before, after = (calibration_error(softmax(logits, temperature), truth) for temperature in (1.0, 3.0))
    assert after < 0.03 < 0.15 < before


def test_probabilities_sum_to_one_even_for_huge_scores() -> None:
    assert softmax(np.array([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]])).sum(axis=1) == pytest.approx([1.0, 1.0])


def test_nothing_held_out_changes_nothing() -> None:
    nothing = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    assert fit_temperature(*nothing) == 1.0
    assert calibration_error(*nothing) == 0.0
    assert brier_score(*nothing) == 0.0
    assert overconfidence(np.zeros(0), np.zeros(0, dtype=bool)).low == -1


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    logits, truth = _drawn(1.0, rows=50)
    probabilities = softmax(logits)
    assert brier_score(probabilities, truth) == pytest.approx(brier_score_loss(truth, probabilities))


def test_the_bins_of_the_diagram_hold_every_answer_and_its_share_that_is_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.4, 0.6]])
    unsure, sure = reliability(probabilities, np.array([0, 1, 1], dtype=np.int64), bins=10)
    assert (unsure.count, unsure.confidence, unsure.accuracy.value) == (1, 0.6, 1.0)
    assert (sure.count, sure.confidence, sure.accuracy.value) == (2, pytest.approx(0.91), 0.5)
    assert sure.accuracy.low < 0.5 < sure.accuracy.high


@pytest.mark.parametrize(("temperature", "overconfident"), [(1.0, False), (3.0, True)])
def test_only_who_claims_more_than_is_right_is_overconfident(temperature: float, overconfident: bool) -> None:
    logits, truth = _drawn(temperature)
    probabilities = softmax(logits)
    gap = overconfidence(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    assert gap.low < gap.value < gap.high
    assert (gap.low > 0.05) is overconfident
