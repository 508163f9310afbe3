"""Which rows are held out, and which fold each other row is in. Pure and independent of the order of the rows.

Mails of one thread stay together: a reply quotes what it answers, so a thread cut in two would let a model recite the holdout.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from libs.common.domain.dataset import Split

Order = Literal["random", "time"]
HOLDOUT_FOLD = -1


@dataclass(frozen=True, slots=True)
class SplitRow:
    """What the split needs to know of a row: a unique key, its label, its thread and when it was sent."""

    key: str
    label: str
    thread: str
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Where a row goes; ``fold`` is −1 in the holdout."""

    split: Split
    fold: int


def thread_groups(links: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Row key → group name, for rows given as (key, names): rows that share any name are in one group.

    A group is named by its smallest member, so that names don't depend on the order of the rows.
    """
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[above]
        return node

    keys: list[str] = []
    for key, names in links:
        keys.append(key)
        for name in names:
            parent[root(("name", name))] = root(("row", key))
    smallest: dict[Hashable, str] = {}
    for key in sorted(keys, reverse=True):
        smallest[root(("row", key))] = key
    return {key: smallest[root(("row", key))] for key in keys}


def split_rows(rows: Sequence[SplitRow], holdout: float, folds: int, seed: int, order: Order) -> dict[str, Part]:
    """Assign each row by its key: ``holdout`` is a share in 0…1, the rest goes to ``folds`` of equal size.

    ``random`` keeps the class shares alike in every part; ``time`` holds out the threads that ended last, so that nothing
    trained on is younger than what is judged on (rows without a date are trained on).
    """
    groups: dict[str, list[SplitRow]] = defaultdict(list)
    for row in rows:
        groups[row.thread].append(row)
    # Large groups first, while every part still has room for them; the salted hash breaks ties without a generator's state.
    ordered = sorted(groups, key=lambda name: (-len(groups[name]), _salted(name, seed)))
    if order == "time":
        held = _latest(groups, round(holdout * len(rows)))
    else:
        shares = {HOLDOUT_FOLD: holdout, 0: 1 - holdout}
        dealt = _deal(ordered, groups, shares)
        held = {name for name, part in dealt.items() if part == HOLDOUT_FOLD}
    rest = [name for name in ordered if name not in held]
    dealt = _deal(rest, groups, dict.fromkeys(range(folds), 1 / folds))
    parts = {name: Part(Split.HOLDOUT, HOLDOUT_FOLD) for name in held}
    parts |= {name: Part(Split.TRAIN, fold) for name, fold in dealt.items()}
    return {row.key: parts[row.thread] for row in rows}


def _deal(names: Sequence[str], groups: dict[str, list[SplitRow]], shares: dict[int, float]) -> dict[str, int]:
    """Give each group to the part that lacks its labels most, measured as a share of what the part is to have."""
    totals = Counter(row.label for name in names for row in groups[name])
    lacking = {part: {label: share * count for label, count in totals.items()} for part, share in shares.items()}
    dealt: dict[str, int] = {}
    for name in names:
        labels = Counter(row.label for row in groups[name])
        part = max(shares, key=lambda one: (_need(lacking[one], labels, totals) / shares[one], -one))
        for label, count in labels.items():
            lacking[part][label] -= count
        dealt[name] = part
    return dealt


def _need(lacking: dict[str, float], labels: Counter[str], totals: Counter[str]) -> float:
    return sum(lacking[label] * count / totals[label] for label, count in labels.items())


def _latest(groups: dict[str, list[SplitRow]], wanted: int) -> set[str]:
    oldest = datetime.min.replace(tzinfo=UTC)
    ended = {name: max(row.sent_at or oldest for row in members) for name, members in groups.items()}
    held: set[str] = set()
    rows = 0
    for name in sorted(groups, key=lambda one: (ended[one], one), reverse=True):
        if rows >= wanted or ended[name] == oldest:
            break
        held.add(name)
        rows += len(groups[name])
    return held


def _salted(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
