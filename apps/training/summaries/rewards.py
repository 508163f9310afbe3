"""What each stretch of an e-mail would earn as its summary: the mean of ROUGE-1, 2 and L, for all stretches at once."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from libs.common.stats.rouge import stems

Floats = NDArray[np.float32]
Counts = NDArray[np.int64]


def span_rewards(words: Sequence[str], references: Sequence[str], most_words: int) -> Floats:
    """(w, most) mean F-measure in 0…1 of the stretches of 1, 2, … words from each on; of several references the best counts."""
    parts = [stems(word) for word in words]
    text = [stem for part in parts for stem in part]
    ends = np.cumsum([0, *(len(part) for part in parts)])
    low = ends[:-1, None]
    high = ends[np.minimum(np.arange(len(words))[:, None] + np.arange(1, most_words + 1), len(words))]
    rewards = [_rewards(text, stems(line), low, high) for line in references]
    return np.max(rewards, axis=0).astype(np.float32)


def _rewards(text: list[str], reference: list[str], low: Counts, high: Counts) -> NDArray[np.float64]:
    """Of the stretches text[low:high]."""
    length = high - low
    # One that never matches follows the last pair: a stretch may begin where the text has no stem any more.
    pairs, wanted = [*pairwise(text), None], list(pairwise(reference))
    one = _f_measure(_hits(text, reference, low, high), length, len(reference))
    two = _f_measure(_hits(pairs, wanted, low, np.maximum(high - 1, low)), np.maximum(length - 1, 0), len(wanted))
    longest = _f_measure(_common(text, reference, low[:, 0], int(length.max(initial=0)), length), length, len(reference))
    return (one + two + longest) / 3


def _f_measure(hits: Counts, told: Counts, wanted: int) -> NDArray[np.float64]:
    return 2 * hits / np.maximum(told + wanted, 1)


def _hits(text: Sequence[object], reference: Sequence[object], low: Counts, high: Counts) -> Counts:
    """How many of the reference's grams each stretch holds, none counted oftener than the reference has it."""
    hits = np.zeros(high.shape, dtype=np.int64)
    for gram, most in Counter(reference).items():
        seen = np.cumsum([0, *(gram == other for other in text)])
        hits += np.minimum(seen[high] - seen[low], most)
    return hits


def _common(text: list[str], reference: list[str], starts: Counts, longest: int, length: Counts) -> Counts:
    """The longest common subsequence of each stretch and the reference: one table for all starts, grown a word at a time."""
    numbers = {stem: number for number, stem in enumerate(dict.fromkeys(reference))}
    # Past the end nothing matches, so that the tables of late starts stay as they are.
    coded = np.array([numbers.get(stem, -1) for stem in text] + [-1] * longest, dtype=np.int64)
    wanted = [numbers[stem] for stem in reference]
    table = np.zeros((len(wanted) + 1, len(starts)), dtype=np.int64)
    grown = np.zeros((longest + 1, len(starts)), dtype=np.int64)
    for step in range(longest):
        before = table.copy()
        here = coded[starts + step]
        for place, number in enumerate(wanted):
            matched = before[place] + (here == number)
            table[place + 1] = np.maximum(np.maximum(before[place + 1], table[place]), matched)
        grown[step + 1] = table[-1]
    return grown[length, np.arange(len(starts))[:, None]]
