import numpy as np
import pytest

from apps.training.fitting.imbalance import class_weights


def test_all_classes_weigh_the_same() -> None:
    truth = np.array([0] * 6 + [1] * 3 + [2])
    weights = class_weights(truth, 3)
    assert weights * np.bincount(truth) == pytest.approx(np.full(3, 10 / 3))
    assert np.isfinite(class_weights(truth, 4)).all()
