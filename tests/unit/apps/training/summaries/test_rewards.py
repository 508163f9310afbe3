import random

import numpy as np
import pytest

from apps.training.summaries.rewards import span_rewards
from libs.common.stats.rouge import rouge

WORDS = ["the", "meeting", "meetings", "moved", "re-scheduled", "monday,", "--", "in/out", "budget", "a"]


@pytest.mark.parametrize("seed", range(6))
def test_each_stretch_earns_what_rouge_gives_it(seed: int) -> None:
    chance = random.Random(seed)
    text = [*chance.choices(WORDS, k=10), "--", "."]
    reference = " ".join(chance.choices(WORDS, k=chance.randint(1, 6)))
    rewards = span_rewards(text, [reference], most_words=5)
    assert rewards.shape == (12, 5)
    for first in range(12):
        for length in range(1, min(5, 12 - first) + 1):
            (row,) = rouge([" ".join(text[first : first + length])], [[reference]])
            assert rewards[first, length - 1] == pytest.approx(row.mean(), abs=1e-6)


def test_of_several_references_the_best_counts() -> None:
    text = ["budget", "meeting", "moved"]
    both = span_rewards(text, ["budget", "meeting moved"], 2)
    alone = [span_rewards(text, [line], 2) for line in ("budget", "meeting moved")]
    assert (both == np.maximum(*alone)).all()
    assert both[1, 1] == pytest.approx(1)
