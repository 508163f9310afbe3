"""The pictures of an evaluation: the confusion matrix as a shaded table, reliability, and risk against coverage."""

from html import escape
from typing import TYPE_CHECKING

from apps.training.evaluation.evaluate import Evaluation
from libs.common.pages import COLOURS, FAINT, drawing, section
from libs.common.stats.abstention import risk_coverage
from libs.common.stats.calibration import reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def confusion_table(evaluation: Evaluation) -> str:
    """A row a true class, a column an answer; the shade is the share of the row."""
    counts = evaluation.counts
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    rows = (
        (f"<b>{escape(label)}</b>", *(_cell(int(count), float(share)) for count, share in zip(*pair, strict=True)))
        for label, *pair in zip(evaluation.classes, counts, shares, strict=True)
    )
    columns = ("true \\ answered", *map(escape, evaluation.classes))
    return section("Which class is taken for which", columns, rows)


def calibration_drawing(evaluation: Evaluation) -> str:
    """How often answers of each confidence are right, and how many are wrong where only the surest are given."""

    def paint(figure: "Figure") -> None:
        left, right = figure.subplots(1, 2)
        _draw_reliability(left, evaluation)
        _draw_risk(right, evaluation)
        for axis in (left, right):
            axis.grid(alpha=0.25, color=FAINT)
            axis.spines[["top", "right"]].set_visible(False)

    return drawing("reliability of the confidence, and risk against coverage", (11, 4), paint)


def _cell(count: int, share: float) -> str:
    if not count:
        return "·"
    return f'<span style="background:rgba(0,114,178,{share * 0.6:.2f});padding:.1rem .5rem;border-radius:4px">{count:,}</span>'


def _draw_reliability(axis: "Axes", evaluation: Evaluation) -> None:
    bins = reliability(evaluation.probabilities, evaluation.truth)
    seen = [one.accuracy.value for one in bins]
    below = [one.accuracy.value - one.accuracy.low for one in bins]
    above = [one.accuracy.high - one.accuracy.value for one in bins]
    axis.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    axis.errorbar([one.confidence for one in bins], seen, yerr=[below, above], fmt="o", color=COLOURS[0], capsize=3)
    axis.set(xlabel="confidence", ylabel="share that is right (95 %)", xlim=(0, 1.02), ylim=(0, 1.02))


def _draw_risk(axis: "Axes", evaluation: Evaluation) -> None:
    coverage, risk = risk_coverage(evaluation.confidence, evaluation.right)
    axis.plot(coverage, risk, color=COLOURS[5], drawstyle="steps-post")
    axis.set(xlabel="share answered, the surest first", ylabel="share of them that is wrong", xlim=(0, 1.02))
    axis.set_ylim(bottom=0)
