"""Two classifiers on the same rows: what one has over the other, figure by figure, and a verdict in a sentence. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.evaluation.evaluate import BATCH, Evaluation
from apps.training.evaluation.footprint import Footprint
from libs.common.stats import metrics
from libs.common.stats.clusters import paired_gain
from libs.common.stats.metrics import Interval, Statistic

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Contender:
    """A classifier by its name, as it was judged; two that are compared were judged on the same rows in the same order."""

    name: str
    evaluation: Evaluation
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both, and what the second has over the first at 95 %, paired; None where it has no interval."""

    figure: str
    first: float
    second: float
    gain: Interval | None = None


@dataclass(frozen=True)
class Comparison:
    """What was found on ``rows`` e-mails of ``groups`` threads and campaigns."""

    first: str
    second: str
    rows: int
    groups: int
    differences: tuple[Difference, ...]
    verdict: str


def compare(first: Contender, second: Contender, groups: Numbers, seed: int = 0) -> Comparison:
    """Pair the two row by row; ``groups`` (n,) numbers the rows that belong together.

    One is better where its macro-F1 is by more than chance; where neither is, the faster one is named.
    """
    classes = tuple(sorted({*first.evaluation.classes, *second.evaluation.classes}))
    truth, base, other = _numbered(first.evaluation, second.evaluation, classes)

    def difference(figure: str, statistic: Statistic) -> Difference:
        one, two = (float(statistic(metrics.confusion(truth, answers, len(classes)))) for answers in (base, other))
        return Difference(figure, one, two, paired_gain(truth, base, other, len(classes), statistic, seed, groups))

    accuracy, macro_f1 = difference("accuracy", metrics.accuracy), difference("macro F1", metrics.macro_f1)
    recalls = [difference(f"recall {classes[place]}", _recall_of(place)) for place in np.unique(truth).tolist()]
    differences = (accuracy, macro_f1, *recalls, *_unpaired(first, second))
    verdict = _verdict(first, second, macro_f1)
    return Comparison(first.name, second.name, len(truth), len(np.unique(groups)), differences, verdict)


def told(found: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Rows of (figure, the first's, the second's, what the second has over the first at 95 %)."""
    for one in found.differences:
        digits = 3 if one.gain or one.first < 1 else 1
        gain = f"{one.gain.value:+.3f} ({one.gain.low:+.3f} to {one.gain.high:+.3f})" if one.gain else ""
        yield one.figure, f"{one.first:.{digits}f}", f"{one.second:.{digits}f}", gain


def _numbered(first: Evaluation, second: Evaluation, classes: tuple[str, ...]) -> tuple[Numbers, Numbers, Numbers]:
    """What is true, and both answers, as numbers among ``classes``, which hold those of both."""
    own, others = (np.array([classes.index(label) for label in each.classes]) for each in (first, second))
    return own[first.truth], own[first.predicted], others[second.predicted]


def _recall_of(place: int) -> Statistic:
    return lambda counts: metrics.recall_by_class(counts)[..., place]


def _unpaired(first: Contender, second: Contender) -> Iterator[Difference]:
    columns: dict[str, Callable[[Contender], float]] = {
        "calibration error": lambda one: one.evaluation.figures.calibration_error,
        "latency alone p50, ms": lambda one: one.evaluation.alone.p50_ms,
        "latency alone p95, ms": lambda one: one.evaluation.alone.p95_ms,
        f"latency of {BATCH} p50, ms": lambda one: one.evaluation.batched.p50_ms,
        f"latency of {BATCH} p95, ms": lambda one: one.evaluation.batched.p95_ms,
        "size, MB": lambda one: one.footprint.size_bytes / 10**6,
        "memory, MB": lambda one: one.footprint.memory_bytes / 10**6,
    }
    for figure, read in columns.items():
        yield Difference(figure, read(first), read(second))


def _verdict(first: Contender, second: Contender, macro_f1: Difference) -> str:
    gain = macro_f1.gain or Interval(0.0, -1.0, 1.0)
    bounds = f"macro F1 {gain.value:+.3f}, {gain.low:+.3f} to {gain.high:+.3f} at 95 %"
    quicker, slower = sorted((first, second), key=lambda one: one.evaluation.alone.p95_ms)
    p95 = " against ".join(f"{one.evaluation.alone.p95_ms:.1f}" for one in (quicker, slower))
    speed = f"{quicker.name} answers faster (p95 {p95} ms)"
    if gain.low > 0 or gain.high < 0:
        better, other = (second, first) if gain.low > 0 else (first, second)
        return f"{better.name} is better than {other.name} ({bounds}); {speed}."
    return f"{second.name} and {first.name} differ by no more than chance can do ({bounds}); {speed}."
