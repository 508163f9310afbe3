import numpy as np
import pytest

from apps.training.fitting.fit_worker import plan_batches

TOKENS = tuple(np.zeros(length, dtype=np.int32) for length in np.random.default_rng(0).integers(5, 128, size=203))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_row_is_learned_once_and_all_workers_step_alike(workers: int) -> None:
    batches = list(plan_batches(TOKENS, 8, seed=1, workers=workers))
    assert len(batches) % workers == 0
    rows = np.concatenate(batches)
    assert set(rows.tolist()) == set(range(203))
    assert len(rows) - 203 <= 8 * (workers - 1)


def test_batches_hold_texts_of_like_length() -> None:
    lengths = np.array([len(row) for row in TOKENS])
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in plan_batches(TOKENS, 8, seed=1, workers=1))
    assert padded < 1.15 * lengths.sum()


def test_the_order_is_the_seeds() -> None:
    def order(seed: int) -> list[int]:
        return np.concatenate(list(plan_batches(TOKENS, 8, seed, 1))).tolist()

    assert order(1) == order(1) != order(2)
