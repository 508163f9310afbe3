"""Judges a fitted classifier on rows that it never saw: quality with intervals, calibration, and latency."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from libs.common.domain.model import PerformanceMetrics
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.models.base import Classifier
from libs.common.stats import metrics
from libs.common.stats.calibration import calibration_error

Answer = Callable[[Sequence[Email]], object]

# Enough for a 95th percentile; the transformer needs about 20 ms each.
_TIMED = 100
BATCH = 32
# The transformer has time for three or four batches.
_TIMED_BATCHES, _MOST_SECONDS = 20, 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one call takes, over so many calls."""

    calls: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Evaluation:
    """The figures, and the answers they rest on: class numbers (n,) among ``classes``, probabilities (n, classes)."""

    figures: PerformanceMetrics
    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    f1: metrics.Interval
    alone: Latency
    batched: Latency

    @property
    def counts(self) -> metrics.Counts:
        """The confusion matrix, (classes, classes), rows by what is true."""
        return metrics.confusion(self.truth, self.predicted, len(self.classes))

    @property
    def confidence(self) -> NDArray[np.float64]:
        """(n,) the probability of each answer."""
        return self.probabilities.max(axis=1)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether each answer is."""
        return self.truth == self.predicted


def evaluate(classifier: Classifier, holdout: Examples, seed: int) -> Evaluation:
    """Predict every row once; DataError where there is none. A label that the classifier does not know counts as missed."""
    if not len(holdout):
        raise DataError("the holdout has no rows", "build the dataset with a larger holdout share, or with more e-mails")
    classes = (*classifier.labels, *sorted(set(holdout.labels) - set(classifier.labels)))
    truth = holdout.numbers(classes)
    known = classifier.predict(holdout.emails)
    probabilities = np.pad(known, ((0, 0), (0, len(classes) - known.shape[1])))
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    counts = metrics.confusion(truth, predicted, len(classes))
    alone = time_alone(classifier.predict, holdout.emails)
    recall = metrics.recall_by_class(counts)
    accuracy = metrics.bootstrap(counts, metrics.accuracy, seed)
    f1 = metrics.bootstrap(counts, metrics.macro_f1, seed)
    figures = PerformanceMetrics(
        accuracy=accuracy.value,
        precision=float(metrics.macro_precision(counts)),
        recall=float(metrics.macro_recall(counts)),
        f1_score=f1.value,
        inference_latency_p95_ms=alone.p95_ms,
        accuracy_low=accuracy.low,
        accuracy_high=accuracy.high,
        calibration_error=calibration_error(probabilities, truth),
        holdout_rows=len(holdout),
        per_class_recall={label: float(recall[place]) for place, label in enumerate(classes)},
    )
    batched = time_batches(classifier.predict, holdout.emails)
    return Evaluation(figures, classes, truth, predicted, probabilities, f1, alone, batched)


def time_alone(answer: Answer, emails: Sequence[Email]) -> Latency:
    """How long one e-mail takes."""
    return latency(answer, ([email] for email in emails[:_TIMED]))


def time_batches(answer: Answer, emails: Sequence[Email]) -> Latency:
    """How long 32 e-mails take together, over some two seconds."""
    return latency(answer, _batches(emails), _MOST_SECONDS)


def _batches(emails: Sequence[Email]) -> Iterable[Sequence[Email]]:
    """Batches of 32, the e-mails again from the first where they are too few."""
    for number in range(_TIMED_BATCHES):
        yield [emails[(number * BATCH + place) % len(emails)] for place in range(BATCH)]


def latency(answer: Answer, calls: Iterable[Sequence[Email]], most_seconds: float = math.inf) -> Latency:
    """How long each call of a model that has answered before takes; three calls, then more while there is time."""
    took: list[float] = []
    for emails in calls:
        start = time.perf_counter()
        answer(emails)
        took.append(time.perf_counter() - start)
        if len(took) >= 3 and sum(took) > most_seconds:
            break
    p50, p95 = np.percentile(np.array(took) * 1000, [50, 95]).tolist()
    return Latency(len(took), p50, p95)
