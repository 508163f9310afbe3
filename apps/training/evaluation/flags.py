"""What is wrong with a classifier, read off its figures. Pure judgments; each finding says what was seen and names its rows.

Every one asks for more than chance can do: an interval that lies wholly beyond a limit.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.leaks import finding
from apps.training.evaluation.bias import Bias
from apps.training.evaluation.economies import Economies
from apps.training.evaluation.evaluate import Evaluation
from apps.training.evaluation.refits import Unmeasured
from apps.training.evaluation.robustness import Invariance
from apps.training.evaluation.slices import SliceFigure
from apps.training.fitting.examples import Examples
from libs.common.domain.dataset import Finding
from libs.common.stats.calibration import overconfidence
from libs.common.stats.intervals import exact_lower_bound, share_difference

COLLAPSED, CLUELESS, OVERCONFIDENT, LEAKED = "collapsed", "no better than one answer", "overconfident", "leaked split"
GAP, POOR_SLICE, UNFAIR, BRITTLE = "unlike its folds", "poor slice", "unfair", "brittle"
DAMAGED_INT8 = "damaged int8"

# A class of fewer rows may be missed by bad luck alone.
_FEWEST_OF_A_CLASS = 10
_SURE = 0.9
# Confidence may exceed accuracy by this much: what temperature scaling leaves on a fold of 200 e-mails.
_OVERCONFIDENCE = 0.05
# Beyond chance, folds and holdout may differ by this much: each was chosen from the same rows.
_GAP = 0.03
# Of 60 rewritten mails, 48 and fewer kept labels have their upper bound below.
LEAST_KEPT = 0.9


def collapsed(evaluation: Evaluation, holdout: Examples) -> Iterator[Finding]:
    """Classes that are never answered, though ten rows or more of the holdout are theirs."""
    asked = np.bincount(evaluation.truth, minlength=len(evaluation.classes))
    given = np.bincount(evaluation.predicted, minlength=len(evaluation.classes))
    never = np.flatnonzero((asked >= _FEWEST_OF_A_CLASS) & (given == 0))
    if len(never):
        names = ", ".join(evaluation.classes[number] for number in never.tolist())
        said = f"never answers {names}; {given.max() / given.sum():.0%} of answers are {evaluation.classes[given.argmax()]}"
        yield finding(COLLAPSED, said, holdout.named(np.flatnonzero(np.isin(evaluation.truth, never))))


def clueless(evaluation: Evaluation, holdout: Examples) -> Iterator[Finding]:
    """No more accurate than the commonest class as the only answer."""
    share = float(np.bincount(evaluation.truth).max() / len(evaluation.truth))
    figures = evaluation.figures
    if figures.accuracy_high <= share or figures.accuracy < share:
        said = f"accuracy {figures.accuracy:.3f}, where one answer for all would have {share:.3f}"
        yield finding(CLUELESS, said, holdout.named(np.flatnonzero(~evaluation.right)))


def overconfident(evaluation: Evaluation, holdout: Examples) -> Iterator[Finding]:
    """Surer than right, over all answers or over those that are surest."""
    sure = evaluation.confidence >= _SURE
    for which, rows in (("all answers", np.ones_like(sure)), (f"answers at {_SURE:.0%} confidence or more", sure)):
        gap = overconfidence(evaluation.confidence[rows], evaluation.right[rows])
        if gap.low > _OVERCONFIDENCE:
            said = f"{which}: confidence exceeds accuracy by {gap.value:.3f}, at least {gap.low:.3f} at 95 %"
            yield finding(OVERCONFIDENT, said, holdout.named(_surest_wrong(evaluation, rows)))
            return


def leaked(evaluation: Evaluation, repeated: Sequence[int], holdout: Examples) -> Iterator[Finding]:
    """Rows that the training rows give away, with what they do to the accuracy."""
    if not repeated:
        return
    inside = np.isin(np.arange(len(holdout)), repeated)
    share, right = float(inside.mean()), evaluation.right
    said = f"{len(repeated)} rows ({share:.1%}) read as training rows do: accuracy {right[inside].mean():.3f} on them"
    if not inside.all():
        better = share_difference(right[inside], right[~inside]).low > 0
        said += f", {right[~inside].mean():.3f} on the others" + (": significantly better" if better else "")
    yield finding(LEAKED, said, holdout.named(repeated))


def unlike_folds(evaluation: Evaluation, fold: NDArray[np.bool_] | Unmeasured, holdout: Examples) -> Iterator[Finding]:
    """More, or less, accurate on the holdout than the same fit is on a fold that it did not see."""
    if isinstance(fold, Unmeasured):
        return
    bounds = share_difference(evaluation.right, fold)
    if bounds.low > _GAP or bounds.high < -_GAP:
        said = f"accuracy {evaluation.figures.accuracy:.3f} on the holdout, {fold.mean():.3f} on a fold that it did not see"
        yield finding(GAP, said, holdout.named(np.flatnonzero(~evaluation.right)))


def poor_slices(
    evaluation: Evaluation, figures: Sequence[SliceFigure], groups: dict[str, tuple[str, ...]], holdout: Examples
) -> Iterator[Finding]:
    """Each piece of the holdout that is worse than the rest, with its wrong rows."""
    for figure in figures:
        if figure.worse:
            inside = np.array(groups[figure.attribute]) == figure.group
            said = (
                f"{figure.attribute} {figure.group}: accuracy {figure.accuracy.value:.3f} on {figure.count} e-mails, "
                f"{evaluation.right[~inside].mean():.3f} on the rest"
            )
            yield finding(POOR_SLICE, said, holdout.named(np.flatnonzero(inside & ~evaluation.right)))


def unfair(biases: Sequence[Bias], threshold: float) -> Iterator[Finding]:
    """Groups of a protected attribute whose mail of a class is found less often, by more than ``threshold``.

    Only opportunity counts: groups that write about other things are rightly given other classes. Its rows are groups.
    """
    for bias in biases:
        lesser = bias.opportunity.disadvantaged(threshold)
        if lesser:
            worst = min(lesser, key=lambda group: group.rate)
            said = (
                f"{bias.label} is found in {worst.rate:.0%} of its mail where {bias.attribute} is {worst.group}, "
                f"in {bias.opportunity.overall:.0%} of all"
            )
            yield finding(UNFAIR, said, [f"{bias.attribute} {group.group}" for group in lesser])


def brittle(found: Sequence[Invariance], holdout: Examples) -> Iterator[Finding]:
    """Rewritings that change the label of more than a tenth of the mails."""
    for one in found:
        if one.kept.high < LEAST_KEPT:
            said = f"{one.rewriting}: {len(one.changed)} of {one.count} labels change"
            yield finding(BRITTLE, said, holdout.named(one.changed))


def damaged_int8(found: Economies, holdout: Examples) -> Iterator[Finding]:
    """int8 that answers other labels than fp32, more of them or worse ones than the limits by which fitting accepted it."""
    verdict, small = found.verdict, found.compressed
    if not verdict or not small:
        return
    limits, flips = verdict.limits, exact_lower_bound(len(small.changed), len(holdout))
    if flips > limits.max_flips or small.gain.high < -limits.max_macro_f1_loss:
        said = (
            f"{len(small.changed)} of {len(holdout)} labels are not those of fp32 ({limits.max_flips:.2%} may differ), "
            f"macro F1 changes by {small.gain.value:+.3f}"
        )
        yield finding(DAMAGED_INT8, said, holdout.named(small.changed))


def _surest_wrong(evaluation: Evaluation, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    wrong = np.flatnonzero(among & ~evaluation.right)
    return wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")]
