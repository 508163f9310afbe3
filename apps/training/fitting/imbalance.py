"""What a row counts where classes differ in size."""

import numpy as np
from numpy.typing import NDArray


def class_weights(truth: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """(k,) what a row of each class weighs, so that all classes weigh the same and a row weighs 1 on average."""
    counts = np.bincount(truth, minlength=classes)
    return len(truth) / (classes * np.maximum(counts, 1))
