"""The model card of a classifier: `card_front` above, the same for people below."""

from dataclasses import dataclass

from apps.training.evaluation.economies import economies_said
from apps.training.evaluation.evaluate import BATCH
from apps.training.evaluation.evaluation_page import PAGE, latest_said, selection_said
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.review import TARGET_PRECISION, Review
from apps.training.packaging.front import card_front
from apps.training.packaging.provenance import Provenance
from libs.common.models.base import Classifier
from libs.common.stats.calibration import brier_score
from libs.common.stats.metrics import weighted_f1, weighted_precision

TASK = "text-classification"
INTENDED_USE = "Sorting incoming mail for people who still read it. Not for deciding about the people who wrote it."
LIMITS = (
    "Knows the vocabulary of its training data only; mail in other languages or of other years is a guess, and drift "
    "is measured against `reference.parquet`. The sender's name and domain are no features."
)


@dataclass(frozen=True)
class Judged:
    """A classifier with all that is said of it."""

    classifier: Classifier
    review: Review
    footprint: Footprint


def model_card(judged: Judged, provenance: Provenance) -> str:
    """The card as Markdown below its YAML."""
    figures = judged.review.evaluation.figures
    metrics = [
        {"type": "accuracy", "value": round(figures.accuracy, 4)},
        {"type": "f1", "name": "macro F1", "value": round(figures.f1_score, 4)},
        {"type": "ece", "name": "calibration error", "value": round(figures.calibration_error, 4)},
    ]
    return card_front(TASK, metrics, figures, provenance, judged.footprint) + _card_text(judged, provenance)


def _card_text(judged: Judged, provenance: Provenance) -> str:
    classifier, review, measured = judged.classifier, judged.review, judged.footprint
    evaluation = review.evaluation
    figures, training = evaluation.figures, provenance.training
    recall = "\n".join(f"| {label} | {value:.3f} |" for label, value in figures.per_class_recall.items())
    return f"""
# {provenance.model_name} ({classifier.family})

Gives an e-mail one of {len(classifier.labels)} categories: {", ".join(classifier.labels)}.

**Intended use.** {INTENDED_USE}
**Limits.** {LIMITS}

| figure on {figures.holdout_rows} e-mails never trained on | value |
|---|---|
| accuracy (95 % interval) | {figures.accuracy:.3f} ({figures.accuracy_low:.3f}–{figures.accuracy_high:.3f}) |
| macro F1 (95 % interval) | {figures.f1_score:.3f} ({evaluation.f1.low:.3f}–{evaluation.f1.high:.3f}) |
| macro precision · recall | {figures.precision:.3f} · {figures.recall:.3f} |
| calibration error | {figures.calibration_error:.3f} |
| weighted precision · F1 | {weighted_precision(evaluation.counts):.3f} · {weighted_f1(evaluation.counts):.3f} |
| Brier score | {brier_score(evaluation.probabilities, evaluation.truth):.3f} |
| latency alone, p50 · p95 | {evaluation.alone.p50_ms:.1f} · {evaluation.alone.p95_ms:.1f} ms |
| latency of {BATCH}, p50 · p95 | {evaluation.batched.p50_ms:.1f} · {evaluation.batched.p95_ms:.1f} ms |
| size · memory it adds to a process | {measured.size_bytes / 10**6:.1f} · {measured.memory_bytes / 10**6:.0f} MB |

{_abstention(review)}
{economies_said(review.economies)}
**Selection.** {selection_said(review.refits.selection)}

**Time-ordered.** {latest_said(review.refits.latest)}

**Found by the evaluation.** {_findings(review)} Slices, fairness, robustness and mistakes: `{PAGE}`.

| category | recall |
|---|---|
{recall}

Trained {training.training_date:%Y-%m-%d} on {provenance.dataset.tag} (`{training.dataset_digest[:12]}`), seed {training.seed},
in {training.training_duration_hours * 60:.1f} minutes.
"""


def _abstention(review: Review) -> str:
    if review.abstention is None:
        return f"No confidence keeps a precision of {TARGET_PRECISION:.0%} for certain: too few e-mails, or too many mistakes."
    threshold, coverage = review.abstention.threshold, review.abstention.coverage
    return f"Answers at {threshold:.3f} confidence or more, {coverage:.0%} of all, are right in {TARGET_PRECISION:.0%} or more."


def _findings(review: Review) -> str:
    said = "; ".join(f"{found.kind}: {found.said}" for found in review.findings)
    return f"{said}." if said else "Nothing."
