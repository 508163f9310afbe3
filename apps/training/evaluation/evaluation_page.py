"""The page of a model version's evaluation, for a person to read. It holds names of rows and groups, and no mail content."""

from collections.abc import Iterator
from html import escape

import numpy as np

from apps.training.evaluation.economies import Economies
from apps.training.evaluation.evaluate import BATCH, Latency
from apps.training.evaluation.evaluation_drawings import calibration_drawing, confusion_table
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.refits import TimeOrdered, Unmeasured
from apps.training.evaluation.review import TARGET_PRECISION, Review
from apps.training.evaluation.select import Selection
from apps.training.evaluation.slices import ATTRIBUTES
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails
from libs.common.pages import facts, page, section
from libs.common.stats import metrics
from libs.common.stats.calibration import brier_score

PAGE = "evaluation.html"
_NAMED, _MISTAKES = 10, 20
# A row's name is a SHA-256: so many signs tell it from any other.
_SIGNS = 16
_GAPS = (
    "A gap lies between the largest and the smallest rate of a group of ten e-mails or more, small ones shrunk toward all. "
    "Given: how often the class is answered (demographic parity); true: how often it is the true class; found: how often it "
    "is answered where it is true (equal opportunity)."
)


def evaluation_page(
    family: str, review: Review, dataset: DatasetVersion, training: TrainingDetails, measured: Footprint
) -> str:
    """The whole page of one classifier of ``family``, as it was trained and judged on ``dataset``."""
    return page(
        f"Evaluation of a {family} classifier on {dataset.tag}",
        [
            facts(_boxes(review, measured)),
            f"<p>Trained on {escape(training.dataset_version)} in {training.training_duration_hours * 60:.1f} minutes for "
            f"{training.compute_cost_usd:.4f} USD, seed {training.seed}. Intervals are at 95 %.</p>",
            section("Found", ("kind", "what was found", "rows"), _finding_rows(review)),
            section("Figures", ("figure", "value", "95 %"), _figure_rows(review, training.seed)),
            section("Selection", ("family", "accuracy", "macro F1", "macro F1 behind the best"), _standing_rows(review)),
            f"<p>{escape(selection_said(review.refits.selection))}</p>",
            section("By class", ("class", "e-mails", "precision", "recall", "F1"), _class_rows(review, training.seed)),
            confusion_table(review.evaluation),
            f"<h2>Calibration, and answering less</h2>{calibration_drawing(review.evaluation)}<p>{_abstention(review)}</p>",
            f"<h2>Time-ordered</h2><p>{escape(latest_said(review.refits.latest))}</p>",
            section("Slices", ("attribute", "group", "e-mails", "accuracy", "macro F1", ""), _slice_rows(review)),
            f"<p>{_undivided(review)}</p>",
            section(
                "Fairness", ("attribute", "class", "given: gap", "true: gap", "found: gap", "found least"), _bias_rows(review)
            ),
            f"<p><small>{_GAPS}</small></p>",
            section("Robustness", ("rewriting", "e-mails", "labels that stay", "95 %"), _robustness_rows(review)),
            section("Most confident mistakes", ("row", "true", "answered", "confidence"), _mistake_rows(review)),
            f"<p><small>A row is the start of a <code>row_id</code>. To read it: <code>triage dataset checkout {dataset.name} "
            f"{dataset.version} FOLDER</code>, then look it up in <code>FOLDER/emails.parquet</code>.</small></p>",
        ],
    )


def latest_said(latest: TimeOrdered | Unmeasured) -> str:
    """The time-ordered figure, or why there is none, in a sentence or two."""
    if isinstance(latest, Unmeasured):
        return f"No figure: {latest.why}."
    learned = f"mail up to {latest.until:%Y-%m-%d}" if latest.until else "undated mail"
    said = (
        f"The same family, fitted on {learned}: accuracy {_spanned(latest.accuracy)}, macro F1 {_spanned(latest.macro_f1)} "
        f"on the {latest.count} latest e-mails of the classes that both periods have."
    )
    if latest.lacking:
        said += f" The later period has no {', '.join(latest.lacking)}."
    if latest.unknown:
        said += f" The earlier period had no {', '.join(latest.unknown)}."
    return said


def selection_said(selection: Selection | Unmeasured) -> str:
    """Which family was chosen among which and by what, or why there was no choice, in a sentence."""
    if isinstance(selection, Unmeasured):
        return f"No choice: {selection.why}."
    chosen, *others = selection.families
    return (
        f"Taken is {chosen}, before the holdout was read, over {', '.join(others)}: the simplest family that the best does not "
        f"beat in macro F1 by more than chance (95 %, paired) on {selection.rows} e-mails of {selection.groups} threads and "
        "campaigns that no fit had seen."
    )


def _boxes(review: Review, measured: Footprint) -> dict[str, str]:
    figures = review.evaluation.figures
    return {
        "accuracy": f"{figures.accuracy:.3f}",
        "macro F1": f"{figures.f1_score:.3f}",
        "calibration error": f"{figures.calibration_error:.3f}",
        "e-mails held out": f"{figures.holdout_rows:,}",
        "p95 alone": f"{figures.inference_latency_p95_ms:.1f} ms",
        "size": f"{measured.size_bytes / 10**6:.1f} MB",
        "memory": f"{measured.memory_bytes / 10**6:.0f} MB",
        "findings": f"{len(review.findings)}",
    }


def _finding_rows(review: Review) -> Iterator[tuple[str, str, str]]:
    for found in review.findings:
        more = f" and {found.count - _NAMED} more" if found.count > _NAMED else ""
        named = ", ".join(name if " " in name else name[:_SIGNS] for name in found.rows[:_NAMED])
        yield f'<span class="bad">{escape(found.kind)}</span>', escape(found.said), f"<small>{escape(named)}{more}</small>"


def _figure_rows(review: Review, seed: int) -> Iterator[tuple[str, str, str]]:
    evaluation = review.evaluation
    statistics = {
        "accuracy (and weighted recall)": metrics.accuracy,
        "macro precision": metrics.macro_precision,
        "macro recall": metrics.macro_recall,
        "macro F1": metrics.macro_f1,
        "weighted precision": metrics.weighted_precision,
        "weighted F1": metrics.weighted_f1,
    }
    for name, statistic in statistics.items():
        found = metrics.bootstrap(evaluation.counts, statistic, seed)
        yield name, f"{found.value:.3f}", f"{found.low:.3f}–{found.high:.3f}"
    yield "calibration error (ECE)", f"{evaluation.figures.calibration_error:.3f}", "–"
    yield "Brier score, 0 (best) to 2", f"{brier_score(evaluation.probabilities, evaluation.truth):.3f}", "–"
    if not isinstance(review.refits.fold, Unmeasured):
        fold = review.refits.fold
        yield f"accuracy on a fold of {len(fold)} e-mails, by a fit without it", f"{fold.mean():.3f}", "–"
    yield from _economy_rows(review.economies, len(review.holdout))
    yield "latency of one e-mail, p50 · p95", _timed(evaluation.alone), f"{evaluation.alone.calls} calls"
    yield f"latency of {BATCH} e-mails, p50 · p95", _timed(evaluation.batched), f"{evaluation.batched.calls} calls"


def _standing_rows(review: Review) -> Iterator[tuple[str, ...]]:
    selection = review.refits.selection
    for standing in () if isinstance(selection, Unmeasured) else selection.standings:
        yield (standing.family, *map(_spanned, (standing.accuracy, standing.macro_f1, standing.behind)))


def _economy_rows(found: Economies, rows: int) -> Iterator[tuple[str, str, str]]:
    if found.verdict:
        yield "precision of the network, by rows set aside", found.verdict.said, "–"
    if small := found.compressed:
        flips, gain = small.flips, small.gain
        differ = f"{len(small.changed)} of {rows} ({flips.value:.2%})"
        yield "labels that int8 and fp32 differ in", differ, f"{flips.low:.2%}–{flips.high:.2%}"
        yield "macro F1 of int8 less that of fp32", f"{gain.value:+.4f}", f"{gain.low:+.4f}–{gain.high:+.4f}"
        yield f"e-mails/s in batches of {BATCH}, int8 · fp32", f"{small.int8_per_s:.0f} · {small.fp32_per_s:.0f}", "–"
    if share := found.escalated:
        asked = "share of the mail that the heavy classifier is asked about"
        yield asked, f"{share.value:.1%}", f"{share.low:.1%}–{share.high:.1%}"


def _class_rows(review: Review, seed: int) -> Iterator[tuple[str, ...]]:
    counts = review.evaluation.counts
    statistics = (metrics.precision_by_class, metrics.recall_by_class, metrics.f1_by_class)
    columns = [metrics.bootstrap_by_class(counts, statistic, seed) for statistic in statistics]
    for label, count, *figures in zip(review.evaluation.classes, counts.sum(axis=1).tolist(), *columns, strict=True):
        yield (escape(label), f"{count:,}", *map(_spanned, figures))


def _slice_rows(review: Review) -> Iterator[tuple[str, ...]]:
    for figure in review.slices:
        mark = '<span class="bad">worse than the rest</span>' if figure.worse else ""
        cells = (figure.attribute.replace("_", " "), escape(figure.group), f"{figure.count:,}")
        yield (*cells, _spanned(figure.accuracy), f"{figure.macro_f1:.3f}", mark)


def _undivided(review: Review) -> str:
    divided = {figure.attribute for figure in review.slices}
    alike = ", ".join(name.replace("_", " ") for name in ATTRIBUTES if name not in divided)
    return f"<small>All e-mails are of one group, or in groups too small to name, by: {alike}.</small>" if alike else ""


def _bias_rows(review: Review) -> Iterator[tuple[str, ...]]:
    for bias in review.biases:
        least = min(bias.opportunity.judged, key=lambda group: group.rate, default=None)
        gaps = (f"{rate.gap:.3f}" for rate in (bias.parity, bias.occurring, bias.opportunity))
        named = f"{escape(least.group)}: {least.rate:.3f} ({least.low:.3f}–{least.high:.3f})" if least else "–"
        yield (bias.attribute.replace("_", " "), escape(bias.label), *gaps, named)


def _robustness_rows(review: Review) -> Iterator[tuple[str, ...]]:
    for found in review.robustness:
        kept = 1 - len(found.changed) / found.count
        yield found.rewriting, f"{found.count}", f"{kept:.1%}", f"{found.kept.low:.1%}–{found.kept.high:.1%}"


def _mistake_rows(review: Review) -> Iterator[tuple[str, ...]]:
    evaluation = review.evaluation
    wrong = np.flatnonzero(~evaluation.right)
    surest = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:_MISTAKES]
    for row, name in zip(surest.tolist(), review.holdout.named(surest), strict=True):
        true, answered = evaluation.classes[evaluation.truth[row]], evaluation.classes[evaluation.predicted[row]]
        yield f"<code>{escape(name[:_SIGNS])}</code>", escape(true), escape(answered), f"{evaluation.confidence[row]:.3f}"


def _abstention(review: Review) -> str:
    found = review.abstention
    if found is None:
        return f"No confidence keeps {TARGET_PRECISION:.0%} precision for certain: too few e-mails, or too many mistakes."
    return (
        f"Answering only at {found.threshold:.3f} confidence or more answers {found.coverage:.1%} of the e-mails, "
        f"{found.precision:.1%} of them right, and at least {found.precision_low:.1%} (95 %, Clopper–Pearson with Bonferroni "
        f"over 20 coverages): the lowest threshold tried that keeps {TARGET_PRECISION:.0%}."
    )


def _spanned(figure: metrics.Interval) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"


def _timed(latency: Latency) -> str:
    return f"{latency.p50_ms:.1f} · {latency.p95_ms:.1f} ms"
