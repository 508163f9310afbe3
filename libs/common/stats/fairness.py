"""Whether groups are treated alike: demographic parity and equal opportunity, with small groups shrunk toward all rows.

Hardt, Price & Srebro, Equality of Opportunity in Supervised Learning, NeurIPS 2016. Shrinkage by empirical Bayes, its prior by
moments (Kleinman 1973, JASA 68): a group's rate is (k + m·p) / (n + m), its own rows and m further ones of all rows' rate p.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_FEWEST = 10


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One group: its rows, the share seen among them, and the shrunk rate with its 95 % bounds."""

    group: str
    count: int
    seen: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Disparity:
    """How far groups lie apart in one rate; ``groups`` are in alphabetical order."""

    overall: float
    groups: tuple[GroupRate, ...]

    @property
    def judged(self) -> tuple[GroupRate, ...]:
        """The groups of ten rows or more: of fewer, one wrong label is a tenth of the rate."""
        return tuple(group for group in self.groups if group.count >= _FEWEST)

    @property
    def gap(self) -> float:
        """The largest less the smallest shrunk rate of the groups that can be judged, 0…1."""
        rates = [group.rate for group in self.judged]
        return max(rates) - min(rates) if rates else 0.0

    def disadvantaged(self, threshold: float) -> tuple[GroupRate, ...]:
        """The groups of which it is certain at 95 % that their rate lies more than ``threshold`` below that of all."""
        return tuple(group for group in self.judged if group.high < self.overall - threshold)


def demographic_parity(predicted: Numbers, groups: Sequence[str], label: int) -> Disparity:
    """How often each group is given ``label``, whatever is true."""
    return disparity(predicted == label, groups)


def equal_opportunity(truth: Numbers, predicted: Numbers, groups: Sequence[str], label: int) -> Disparity:
    """How often each group is given ``label`` where it is true: its recall."""
    true = np.flatnonzero(truth == label)
    return disparity(predicted[true] == label, [groups[row] for row in true.tolist()])


def disparity(held: Flags, groups: Sequence[str]) -> Disparity:
    """The rate at which ``held`` is true, by group; both have one entry a row."""
    from scipy.stats import beta

    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if not len(names):
        return Disparity(0.0, ())
    counts = np.bincount(place)
    found = np.bincount(place, weights=held).astype(np.int64)
    overall = float(held.mean())
    prior = prior_rows(found, counts)
    # A rate of exactly 0 or 1 has no beta distribution: half a row of either answer (Jeffreys).
    right, wrong = found + prior * overall + 0.5, counts - found + prior * (1 - overall) + 0.5
    bounds = beta.ppf([[0.025], [0.975]], right, wrong)
    rates = (found + prior * overall) / (counts + prior)
    columns = zip(names.tolist(), counts.tolist(), (found / counts).tolist(), rates.tolist(), *bounds.tolist(), strict=True)
    return Disparity(overall, tuple(GroupRate(*column) for column in columns))


def prior_rows(found: Numbers, counts: Numbers) -> float:
    """How many rows of the common rate each group is given: few where groups differ, at most all there are."""
    total, groups = int(counts.sum()), len(counts)
    rate = float(found.sum()) / total
    spread = total - float((counts**2).sum()) / total - (groups - 1)
    if rate in (0.0, 1.0) or spread <= 0:
        return float(total)
    chi_square = float((counts * (found / counts - rate) ** 2).sum()) / (rate * (1 - rate))
    # The correlation of two rows of a group: 1 / (m + 1).
    alike = (chi_square - (groups - 1)) / spread
    return float(np.clip(1 / alike - 1, 0, total)) if alike > 0 else float(total)
