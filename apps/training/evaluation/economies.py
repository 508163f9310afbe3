"""What cheaper answers cost, on the holdout: int8 in place of fp32, and a light classifier in front of a heavy one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.evaluation.evaluate import BATCH, Evaluation, time_batches
from apps.training.fitting.examples import Examples
from apps.training.fitting.precision import Trial, Verdict
from libs.common.models.base import Classifier
from libs.common.models.cascade import CascadeClassifier
from libs.common.stats import metrics
from libs.common.stats.clusters import paired_gain
from libs.common.stats.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Compressed:
    """int8 against fp32: the rows whose label differs and their share, macro-F1 gained, and e-mails/s in batches of 32."""

    changed: tuple[int, ...]
    flips: metrics.Interval
    gain: metrics.Interval
    int8_per_s: float
    fp32_per_s: float


@dataclass(frozen=True, slots=True)
class Economies:
    """What fitting said of int8, how that does on the holdout where it was accepted, and the share of mail escalated there."""

    verdict: Verdict | None = None
    compressed: Compressed | None = None
    escalated: metrics.Interval | None = None

    @property
    def figures(self) -> dict[str, float]:
        """What there is, by the name under which MLflow has it."""
        found: dict[str, float] = {}
        if small := self.compressed:
            found |= {"int8/flips": small.flips.value, "int8/macro_f1_gain": small.gain.value}
            found |= {"int8/emails_per_s": small.int8_per_s, "fp32/emails_per_s": small.fp32_per_s}
        if self.escalated:
            found["escalated"] = self.escalated.value
        return found


def economies(
    classifier: Classifier, evaluation: Evaluation, holdout: Examples, seed: int, tried: Trial | None = None
) -> Economies:
    """Measure both on the holdout, where there is something to measure; ``tried`` is what came of int8 in its fit."""
    compressed = compare(tried.full, evaluation, holdout, seed) if tried and tried.verdict.accepted else None
    escalated = _share(classifier.escalated(holdout.emails)) if isinstance(classifier, CascadeClassifier) else None
    return Economies(tried.verdict if tried else None, compressed, escalated)


def compare(full: Classifier, evaluation: Evaluation, holdout: Examples, seed: int) -> Compressed:
    """The answers of ``evaluation``, given in int8, against those of the same classifier in fp32."""
    answers = full.predict(holdout.emails).argmax(axis=1).astype(np.int64)
    changed = answers != evaluation.predicted
    classes = len(evaluation.classes)
    gain = paired_gain(evaluation.truth, answers, evaluation.predicted, classes, metrics.macro_f1, seed)
    per_s = (1000 * BATCH / timed.p50_ms for timed in (evaluation.batched, time_batches(full.predict, holdout.emails)))
    return Compressed(tuple(np.flatnonzero(changed).tolist()), _share(changed), gain, *per_s)


def economies_said(found: Economies) -> str:
    """A paragraph of the card, or nothing."""
    said = f"\n**Precision.** {found.verdict.said}." if found.verdict else ""
    if small := found.compressed:
        said += (
            f" On the e-mails above, {len(small.changed)} labels differ ({small.flips.value:.2%}) and macro F1 changes by "
            f"{small.gain.value:+.4f} ({small.gain.low:+.4f} to {small.gain.high:+.4f}); {small.int8_per_s:.0f} e-mails/s in "
            f"batches of {BATCH}, in fp32 {small.fp32_per_s:.0f}."
        )
    if share := found.escalated:
        said += (
            f"\n**Escalation.** The heavy classifier is asked about {share.value:.1%} of these e-mails "
            f"({share.low:.1%}–{share.high:.1%}); the light one answers the rest alone."
        )
    return f"{said}\n" if said else ""


def _share(held: NDArray[np.bool_]) -> metrics.Interval:
    bounds = wilson_interval(int(held.sum()), len(held))
    return metrics.Interval(float(held.mean()), bounds.low, bounds.high)
