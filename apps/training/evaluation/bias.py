"""Whether the groups of a protected attribute are treated alike, class by class. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.training.evaluation.evaluate import Evaluation
from libs.common.stats.fairness import Disparity, demographic_parity, equal_opportunity


@dataclass(frozen=True, slots=True)
class Bias:
    """One class over the groups of one attribute: how often each is given it, and how often where it is true.

    ``occurring`` is how often it is true in each group: where groups differ in that, parity cannot hold and need not.
    """

    attribute: str
    label: str
    parity: Disparity
    occurring: Disparity
    opportunity: Disparity


def biases(evaluation: Evaluation, groups: Mapping[str, Sequence[str]]) -> tuple[Bias, ...]:
    """Every class over every attribute that has two groups or more; ``groups`` as `slices.protected_groups` gives them."""
    return tuple(
        Bias(
            attribute,
            label,
            demographic_parity(evaluation.predicted, of_rows, number),
            demographic_parity(evaluation.truth, of_rows, number),
            equal_opportunity(evaluation.truth, evaluation.predicted, of_rows, number),
        )
        for attribute, of_rows in groups.items()
        if len(set(of_rows)) > 1
        for number, label in enumerate(evaluation.classes)
    )
