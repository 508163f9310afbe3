"""Everything that is said of a fitted classifier before it is registered: its figures, what lies behind them, what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.training.evaluation import flags
from apps.training.evaluation.bias import Bias, biases
from apps.training.evaluation.economies import Economies
from apps.training.evaluation.evaluate import Evaluation
from apps.training.evaluation.refits import Refits
from apps.training.evaluation.robustness import Invariance, invariance
from apps.training.evaluation.slices import SliceFigure, protected_groups, slice_figures, slice_groups
from apps.training.fitting.examples import Examples
from libs.common.domain.dataset import Finding
from libs.common.models.base import Classifier
from libs.common.stats.abstention import Abstention, abstention

TARGET_PRECISION = 0.95


@dataclass(frozen=True, slots=True)
class Standard:
    """What a classifier is held to: the attributes whose groups are compared, and how far apart these may be."""

    protected_attributes: Sequence[str] = ("sender_domain", "email_length")
    bias_threshold: float = 0.1


@dataclass(frozen=True)
class Review:
    """One classifier on one holdout; ``repeated`` are the rows of it that the training rows give away."""

    evaluation: Evaluation
    holdout: Examples
    slices: tuple[SliceFigure, ...]
    biases: tuple[Bias, ...]
    robustness: tuple[Invariance, ...]
    abstention: Abstention | None
    repeated: tuple[int, ...]
    refits: Refits
    economies: Economies
    findings: tuple[Finding, ...]


def review(
    classifier: Classifier,
    evaluation: Evaluation,
    holdout: Examples,
    repeated: tuple[int, ...],
    refits: Refits,
    standard: Standard,
    economies: Economies | None = None,
) -> Review:
    """Look at the answers of ``evaluation`` from every side; only the rewritten mails are predicted anew."""
    economies = economies or Economies()
    groups = slice_groups(holdout)
    slices = slice_figures(evaluation, groups)
    bias = biases(evaluation, protected_groups(holdout, standard.protected_attributes))
    robustness = invariance(classifier, holdout, evaluation.predicted)
    findings = (
        *flags.collapsed(evaluation, holdout),
        *flags.clueless(evaluation, holdout),
        *flags.overconfident(evaluation, holdout),
        *flags.leaked(evaluation, repeated, holdout),
        *flags.unlike_folds(evaluation, refits.fold, holdout),
        *flags.poor_slices(evaluation, slices, groups, holdout),
        *flags.unfair(bias, standard.bias_threshold),
        *flags.brittle(robustness, holdout),
        *flags.damaged_int8(economies, holdout),
    )
    threshold = abstention(evaluation.confidence, evaluation.right, TARGET_PRECISION)
    return Review(evaluation, holdout, slices, bias, robustness, threshold, repeated, refits, economies, findings)
