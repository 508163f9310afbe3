"""Fits the cascade: both of its classifiers on the same rows, and when the first asks the second by a fold that neither saw.

Ray must be connected already, by whichever front door runs this.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from apps.training.fitting.fit_tabular import fit_tabular
from apps.training.fitting.fit_transformer import fit_transformer
from apps.training.fitting.out_of_fold import Fitted
from apps.training.fitting.run_folders import RunFolders
from libs.common.config.training import CascadeFamily, Families
from libs.common.models.base import Probabilities
from libs.common.models.cascade import CascadeClassifier, Escalation, blend
from libs.common.models.tabular import TabularClassifier
from libs.common.models.transformer import TransformerClassifier
from libs.common.stats.calibration import softmax
from libs.common.stats.intervals import wilson_interval

_WEIGHTS = [step / 20 for step in range(21)]
_LEAST = 1e-12


def fit_cascade(
    examples: Examples,
    families: Families,
    seed: int,
    workspace: Path,
    threads: int = 2,
    runs: RunFolders | None = None,
) -> Fitted[CascadeClassifier]:
    """Fit the tabular family and the transformer, and join them; files stay in ``workspace``, which must outlive it."""
    light = fit_tabular(examples, families.tabular, seed)
    heavy = fit_transformer(examples, families.transformer, seed, workspace, threads, runs)
    return join(light, heavy, families.cascade)


def join(
    light: Fitted[TabularClassifier], heavy: Fitted[TransformerClassifier], options: CascadeFamily
) -> Fitted[CascadeClassifier]:
    """The cascade of two that were fitted on the same examples, and so have set the same rows aside."""
    aside = light.aside
    first = softmax(aside.logits, light.classifier.temperature)
    second = softmax(heavy.aside.logits, heavy.classifier.temperature)
    cascade = CascadeClassifier(light.classifier, heavy.classifier, choose_escalation(first, second, aside.truth, options))
    answers = np.where(cascade.unsure(first)[:, np.newaxis], cascade.blend(first, second), first)
    tried = heavy.int8 and replace(heavy.int8, full=replace(cascade, heavy=heavy.int8.full))
    return Fitted(cascade, replace(aside, logits=np.log(np.maximum(answers, _LEAST))), tried)


def choose_escalation(
    light: Probabilities, heavy: Probabilities, truth: NDArray[np.int64], options: CascadeFamily
) -> Escalation:
    """When to ask the heavy classifier, from what both say (n, k) of rows that neither has seen.

    Its weight is the one that makes the truth likeliest on the least sure rows, as many as may go on. The threshold is the
    lowest at which enough labels are those of both together, or else the highest that keeps within the bound.
    """
    confidence = light.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    weight = _likeliest_weight(light, heavy, truth, order[: _most(len(truth), options.max_escalation)])
    differs = blend(light, heavy, weight).argmax(axis=1) != light.argmax(axis=1)
    thresholds, counts = _thresholds(confidence[order], options.max_escalation)
    # The first `count` rows go on and get the label of both; of the others, those count whose label is another.
    left = int(differs.sum()) - np.append(0, np.cumsum(differs[order]))[counts]
    agreement = 1 - left / max(len(truth), 1)
    enough = np.flatnonzero(agreement >= options.agreement)
    place = int(enough[0]) if len(enough) else len(counts) - 1
    share = float(counts[place]) / max(len(truth), 1)
    return Escalation(float(thresholds[place]), weight, share, float(agreement[place]))


def _thresholds(ordered: NDArray[np.float64], max_escalation: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The thresholds that can be told apart on these confidences and keep within the bound, with the rows below each."""
    thresholds = np.append(0.0, np.unique(ordered))
    counts = np.searchsorted(ordered, thresholds, side="left")
    within = counts <= _most(len(ordered), max_escalation)
    return thresholds[within], counts[within].astype(np.int64)


def _most(rows: int, max_escalation: float) -> int:
    """The largest number of so many rows whose share is within the bound at the upper end of its 95 % interval."""
    return max((count for count in range(rows) if wilson_interval(count, rows).high <= max_escalation), default=0)


def _likeliest_weight(light: Probabilities, heavy: Probabilities, truth: NDArray[np.int64], rows: NDArray[np.int64]) -> float:
    """Probabilities, not labels, decide: of so few rows, labels are right or wrong by luck."""

    def surprise(weight: float) -> float:
        likelihood = blend(light[rows], heavy[rows], weight)[np.arange(len(rows)), truth[rows]]
        return float(-np.log(np.maximum(likelihood, _LEAST)).sum())

    return min(_WEIGHTS, key=surprise)
