"""Which rows are learned together, in which order: a function of the seed, the same on every worker."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from libs.common.config.training import TransformerFamily

# Batches are cut from windows of this many, sorted by length: little padding, and still another order each epoch.
_WINDOW = 16

Batch = NDArray[np.int64]
Tokens = tuple[NDArray[np.int32], ...]


def plan_batches(tokens: Tokens, size: int, seed: int, workers: int) -> Iterator[Batch]:
    """Row numbers of each batch of one epoch, texts of like length together; their count is a multiple of ``workers``."""
    generator = np.random.default_rng(seed)
    lengths = np.array([len(row) for row in tokens])
    order = generator.permutation(len(tokens))
    windows = [order[start : start + size * _WINDOW] for start in range(0, len(order), size * _WINDOW)]
    by_length = np.concatenate([window[np.argsort(lengths[window], kind="stable")] for window in windows])
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    # Workers step together, so the last few are repeated until each has as many.
    missing = -len(batches) % workers
    batches += [batches[place % len(batches)] for place in range(missing)]
    yield from (batches[place] for place in generator.permutation(len(batches)))


def plan_steps(tokens: Tokens, options: TransformerFamily, seed: int, rank: int, workers: int) -> list[list[Batch]]:
    """The batches of one worker's every step, over all epochs, which have as many steps each."""
    steps: list[list[Batch]] = []
    for epoch in range(options.epochs):
        plan = list(plan_batches(tokens, options.batch_size, seed + epoch, workers))[rank::workers]
        steps += [plan[start : start + options.accumulation] for start in range(0, len(plan), options.accumulation)]
    return steps
