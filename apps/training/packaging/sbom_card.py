"""The ``modelCard`` of a classifier's bill of materials: what it does, how well, and what is to be considered. Pure."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from apps.training.evaluation.bias import Bias
from apps.training.evaluation.review import Review
from apps.training.packaging.card import INTENDED_USE, LIMITS, TASK, Judged
from apps.training.packaging.provenance import Provenance
from apps.training.packaging.sbom_figures import MEMORY, bounded, figure, model_parameters
from libs.common.stats import metrics


def sbom_card(judged: Judged, provenance: Provenance) -> dict[str, Any]:
    """The card as CycloneDX wants it."""
    review = judged.review
    return {
        "modelParameters": model_parameters(TASK, provenance, f"probabilities of {', '.join(judged.classifier.labels)}"),
        "quantitativeAnalysis": {"performanceMetrics": [*_figures(review), *_recalls(review), *_slices(review)]},
        "considerations": {
            "users": ["people who read the mail that is sorted"],
            "useCases": [INTENDED_USE],
            "technicalLimitations": [LIMITS, *(f"{found.kind}: {found.said}" for found in review.findings)],
            "ethicalConsiderations": [MEMORY],
            "fairnessAssessments": _fairness(review.biases),
        },
    }


def _figures(review: Review) -> Iterable[dict[str, Any]]:
    evaluation = review.evaluation
    figures = evaluation.figures
    yield bounded("accuracy", metrics.Interval(figures.accuracy, figures.accuracy_low, figures.accuracy_high))
    yield bounded("macro F1", evaluation.f1)
    yield figure("macro precision", figures.precision)
    yield figure("macro recall", figures.recall)
    yield figure("calibration error", figures.calibration_error)


def _recalls(review: Review) -> Iterable[dict[str, Any]]:
    evaluation = review.evaluation
    recalls = metrics.bootstrap_by_class(evaluation.counts, metrics.recall_by_class, seed=0)
    for label, recall in zip(evaluation.classes, recalls, strict=True):
        yield bounded("recall", recall) | {"slice": f"class: {label}"}


def _slices(review: Review) -> Iterable[dict[str, Any]]:
    for found in review.slices:
        yield bounded("accuracy", found.accuracy) | {"slice": f"{found.attribute}: {found.group}"}


def _fairness(biases: Iterable[Bias]) -> list[dict[str, str]]:
    """The widest gap in recall of each protected attribute."""
    widest = [
        max(of_attribute, key=lambda bias: bias.opportunity.gap)
        for _, of_attribute in groupby(biases, key=lambda bias: bias.attribute)
    ]
    return [
        {
            "groupAtRisk": f"senders and mails, by {bias.attribute}",
            "harms": f"recall of {bias.label} differs by up to {bias.opportunity.gap:.3f} between groups",
        }
        for bias in widest
    ]
