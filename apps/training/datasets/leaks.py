"""Leaks: what would let a model look good without having learned its task. Pure judgments; each finding names its rows.

A leak is a finding of the version's report, not a reason to stop: a word that is almost a label may be the task itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.sketches import Buckets
from libs.common.domain.dataset import Finding

THREAD, CAMPAIGN, TOKEN, MARKER, SOURCE = "torn thread", "torn campaign", "label token", "source marker", "telling source"
NAMED = 100
# Dice's coefficient of the mails that hold a word and the mails of a label; words of clean corpora stay below 0.8.
TELLING = 0.9
_FEWEST_MAILS = 20
_SOURCE_KNOWN = 0.95

Counts = NDArray[np.int32]
Odds = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one row stands: its name, its part of the split, and the thread or campaign that must not be torn."""

    name: str
    part: str
    group: str


@dataclass(frozen=True, slots=True)
class Telling:
    """A bucket of words that tells a group of mails, and its Dice coefficient with it."""

    bucket: int
    group: int
    dice: float


def torn(kind: str, rows: Iterable[Placed]) -> list[Finding]:
    """One finding where groups lie in more than one part of the split, with the rows of all of them."""
    parts: dict[str, set[str]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        parts[row.group].add(row.part)
        names[row.group].append(row.name)
    cut = sorted(group for group, found in parts.items() if len(found) > 1)
    named = [name for group in cut for name in sorted(names[group])]
    thing = "threads" if kind == THREAD else "campaigns of near-duplicates"
    return [finding(kind, f"{thing} that lie across the parts of the split: {len(cut)}", named)] if cut else []


def telling_words(counts: Counts, sizes: Sequence[int]) -> list[Telling]:
    """Buckets whose words are almost a group by themselves.

    ``counts`` is (groups, buckets): mails of each group that hold a word of the bucket; ``sizes`` the mails of each group.
    Dice (1945): 2·both / (holding + in the group), the F1 of the word as a classifier.
    """
    holding = counts.sum(axis=0)
    found: list[Telling] = []
    for group, size in enumerate(sizes):
        if size < _FEWEST_MAILS or size > 0.95 * sum(sizes):
            continue
        dice = 2 * counts[group] / (holding + size)
        found += [Telling(int(bucket), group, float(dice[bucket])) for bucket in np.flatnonzero(dice >= TELLING)]
    return sorted(found, key=lambda one: (-one.dice, one.group, one.bucket))


def log_odds(counts: Counts, sizes: Sequence[int]) -> Odds:
    """(groups, buckets) log-probabilities of a word in a mail of each group, with Laplace's smoothing."""
    return np.log((counts + 0.5) / (np.asarray(sizes)[:, None] + 1.0)).astype(np.float32)


def guess(words: Buckets, odds: Odds) -> int:
    """The group that a mail's words point to (naive Bayes with equal priors)."""
    return int(odds[:, words].sum(axis=1).argmax())


def predictable_sources(guesses: Sequence[tuple[str, str, str]], sources: Sequence[str]) -> list[Finding]:
    """A finding where the source of a mail can be told from its text: ``guesses`` are (row, source, guessed source).

    Every source counts alike (balanced accuracy), whatever its size.
    """
    right: Mapping[str, list[bool]] = {source: [] for source in sources}
    for _, source, guessed in guesses:
        right[source].append(source == guessed)
    enough = [found for found in right.values() if len(found) >= _FEWEST_MAILS]
    if len(enough) < 2 or len(enough) < len(sources):
        return []
    balanced = float(np.mean([np.mean(found) for found in enough]))
    if balanced < _SOURCE_KNOWN:
        return []
    named = [row for row, source, guessed in guesses if source == guessed]
    return [finding(SOURCE, f"the source of a mail can be told from its text in {balanced:.0%} of cases", named)]


def finding(kind: str, said: str, rows: Sequence[str]) -> Finding:
    """A finding with the first of its rows."""
    return Finding(kind=kind, said=said, count=len(rows), rows=tuple(rows[:NAMED]))
