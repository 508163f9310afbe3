"""Judges a fitted classifier on rows that it never saw: quality with intervals, calibration, and latency one by one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.examples import Examples
from libs.common.domain.model import PerformanceMetrics
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.models.base import Classifier
from libs.common.stats import metrics
from libs.common.stats.calibration import calibration_error

# Enough for a 95th percentile; the transformer needs about 20 ms each.
_TIMED = 100


@dataclass(frozen=True)
class Evaluation:
    """The figures, and the answers they rest on: class numbers (n,) among ``classes``."""

    figures: PerformanceMetrics
    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    f1: metrics.Interval
    latency_p50_ms: float


def evaluate(classifier: Classifier, holdout: Examples, seed: int) -> Evaluation:
    """Predict every row once; DataError where there is none. A label that the classifier does not know counts as missed."""
    if not len(holdout):
        raise DataError("the holdout has no rows", "build the dataset with a larger holdout share, or with more e-mails")
    classes = (*classifier.labels, *sorted(set(holdout.labels) - set(classifier.labels)))
    truth = holdout.numbers(classes)
    probabilities = classifier.predict(holdout.emails)
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    counts = metrics.confusion(truth, predicted, len(classes))
    latency = latency_ms(classifier, holdout.emails[:_TIMED])
    recall = metrics.recall_by_class(counts)
    accuracy = metrics.bootstrap(counts, metrics.accuracy, seed)
    f1 = metrics.bootstrap(counts, metrics.macro_f1, seed)
    figures = PerformanceMetrics(
        accuracy=accuracy.value,
        precision=float(metrics.macro_precision(counts)),
        recall=float(metrics.macro_recall(counts)),
        f1_score=f1.value,
        inference_latency_p95_ms=float(np.percentile(latency, 95)),
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        calibration_error=calibration_error(probabilities, truth),
        holdout_rows=len(holdout),
        per_class_recall={label: float(recall[place]) for place, label in enumerate(classes)},
    )
    return Evaluation(figures, classes, truth, predicted, f1, float(np.percentile(latency, 50)))


def latency_ms(classifier: Classifier, emails: Sequence[Email]) -> NDArray[np.float64]:
    """How long each e-mail takes alone, after a warm-up."""
    classifier.predict(emails[:3])
    took = np.empty(len(emails))
    for place, email in enumerate(emails):
        start = time.perf_counter()
        classifier.predict([email])
        took[place] = (time.perf_counter() - start) * 1000
    return took
