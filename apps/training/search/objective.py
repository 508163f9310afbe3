"""What a trial does: fit on all folds but one, judge on that one, and report; fold after fold until all are judged."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from apps.training.fitters import fitter
from apps.training.fitting.examples import Examples
from libs.common.config.training import Training, with_options
from libs.common.domain.search import Options
from libs.common.errors import DataError
from libs.common.models.base import Classifier
from libs.common.stats.metrics import confusion, macro_f1

Report = Callable[[dict[str, Any]], None]
Fit = Callable[[Examples, int, Path], Classifier]


@dataclass(frozen=True)
class Subject:
    """What every trial of a search shares; it travels to the workers once."""

    examples: Examples
    family: str
    settings: Training
    seed: int


def try_folds(subject: Subject, options: Options, known: int, report: Report) -> None:
    """Report ``fold`` and ``score`` of each fold but the first ``known``, or ``failed`` where the options cannot be fitted.

    Any other error is none of the options' and goes up: the trial is tried again.
    """
    fit = _fit(with_options(subject.settings, subject.family, options), subject.family)
    for place, fold in list(enumerate(sorted(set(subject.examples.folds))))[known:]:
        try:
            score = judge_fold(fit, subject.examples, fold, subject.seed)
        except (ValueError, DataError) as error:
            report({"failed": str(error)})
            return
        report({"fold": place, "score": score})


def judge_fold(fit: Fit, examples: Examples, fold: int, seed: int) -> float:
    """Macro-F1, over the labels that the fold has, of a fit on the other folds."""
    aside = np.array(examples.folds) == fold
    taught, judged = examples.take(np.flatnonzero(~aside)), examples.take(np.flatnonzero(aside))
    with TemporaryDirectory(prefix="triage-trial-") as scratch:
        fitted = fit(taught, seed, Path(scratch))
        answers = [fitted.labels[place] for place in fitted.predict(judged.emails).argmax(axis=1)]
    place_of = {label: place for place, label in enumerate(examples.classes)}
    predicted = np.array([place_of[answer] for answer in answers], dtype=np.int64)
    return float(macro_f1(confusion(judged.numbers(examples.classes), predicted, len(place_of))))


def _fit(settings: Training, family: str) -> Fit:
    """The family's own, but for tabular without a temperature, which moves no label and doubles the time."""
    if family != "tabular":
        whole = fitter(family, settings)
        return lambda examples, seed, workspace: whole(examples, seed, workspace).classifier
    from apps.training.fitting.fit_tabular import fit_once

    return lambda examples, seed, _: fit_once(examples, settings.families.tabular, seed)
