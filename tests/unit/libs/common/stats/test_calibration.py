import numpy as np
import pytest

from libs.common.stats.calibration import calibration_error, fit_temperature, softmax


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
