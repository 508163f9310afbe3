from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from apps.training.fitting.batches import plan_batches, plan_steps

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


def _options(**changed: Any) -> Any:
    return SimpleNamespace(**{"epochs": 2, "batch_size": 8, "accumulation": 1, **changed})


@pytest.mark.parametrize("accumulation", [1, 2, 4])
def test_every_epoch_has_as_many_steps_on_every_worker(accumulation: int) -> None:
    plans = [plan_steps(TOKENS, _options(accumulation=accumulation), 1, rank, workers=2) for rank in (0, 1)]
    assert [len(step) for step in plans[0]] == [len(step) for step in plans[1]]
    assert len(plans[0]) == 2 * -(-13 // accumulation)
    first_epoch = [batch for plan in plans for step in plan[: len(plan) // 2] for batch in step]
    assert set(np.concatenate(first_epoch).tolist()) == set(range(203))


def test_two_workers_learn_in_a_step_what_one_learns_from_two_batches() -> None:
    even = TOKENS[:192]
    alone = plan_steps(even, _options(accumulation=2), 1, 0, 1)
    together = [plan_steps(even, _options(), 1, rank, 2) for rank in (0, 1)]
    assert len(alone) == len(together[0]) == len(together[1])
    for step, first, second in zip(alone, *together, strict=True):
        assert [batch.tolist() for batch in step] == [batch.tolist() for batch in (*first, *second)]
