"""The course of one training: what is asked for, the fit of each family, and the choice among them by folds."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apps.training.evaluation.groups import kin
from apps.training.evaluation.select import Selection, select
from apps.training.fitters import Fitter
from apps.training.fitting.compute import compute_of
from apps.training.fitting.examples import Examples, led_by_fold
from apps.training.fitting.out_of_fold import Fitted, OutOfFold, joined
from apps.training.provenance import training_details
from apps.training.stages import Stages
from libs.common.config.training import ComputeProfile, Training
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails
from libs.common.domain.value import Value
from libs.common.logs import get_logger
from libs.common.models.base import Classifier

log = get_logger("training.course")


class TrainRequest(Value):
    """What is to be trained, and on what: the configured default where ``families`` or ``profile`` names none.

    ``tuned`` is with the options last found. Run again under the same ``request_id`` after all was registered, it trains
    nothing.
    """

    model_name: str = "email_classifier"
    families: tuple[str, ...] = ()
    seed: int = 0
    tuned: bool = False
    request_id: str = ""
    profile: str = ""
    protected_attributes: tuple[str, ...] = ("sender_domain", "email_length")
    bias_threshold: float = 0.1


@dataclass(frozen=True)
class Course:
    """What all families of one training share; ``repeated`` are the rows of the holdout that the training rows give away."""

    request: TrainRequest
    dataset: DatasetVersion
    train: Examples
    holdout: Examples
    repeated: tuple[int, ...]
    settings: Training
    profile: ComputeProfile
    now: datetime
    scratch: Path
    stages: Stages


@dataclass(frozen=True)
class Trained:
    """A family's fit, what it answers to the folds by which families are compared, and how long it took."""

    fitted: Fitted[Classifier]
    answers: OutOfFold
    details: TrainingDetails


def fit_family(course: Course, family: str, fit: Fitter, folds: int, clock: Callable[[], float] = time.perf_counter) -> Trained:
    """What comes of the fit that sets the lowest fold aside; each further fold costs a fit of which only the answers stay.

    The hours and the cost are of all these fits; ``clock`` gives seconds.
    """
    course.stages.begin(f"fitting {family}")
    log.info("fitting %s on %d e-mails of %s", family, len(course.train), course.dataset.tag)
    workspace = course.scratch / family
    workspace.mkdir()
    start = clock()
    fitted = fit(course.train, course.request.seed, workspace)
    log.info("fitted %s in %.1f s", family, clock() - start)
    answers = [fitted.aside]
    for place in range(1, min(folds, len(set(course.train.folds)))):
        with tempfile.TemporaryDirectory(prefix=f"{family}-fold-", dir=course.scratch) as scratch:
            answers.append(fit(led_by_fold(course.train, place), course.request.seed, Path(scratch)).aside)
    price = compute_of(family, course.settings.families, course.profile).usd_per_hour
    details = training_details(course.dataset, price, clock() - start, course.request.seed, course.now)
    return Trained(fitted, joined(answers), details)


def choose(course: Course, trained: Mapping[str, Trained]) -> Selection:
    """Compare the families by what they answer to the folds."""
    answers = {family: one.answers for family, one in trained.items()}
    groups = kin(course.train.take(next(iter(answers.values())).rows).emails)
    selection = select(answers, groups, course.request.seed)
    for standing in selection.standings:
        log.info(
            "%s out of fold: accuracy %.3f, macro F1 %.3f", standing.family, standing.accuracy.value, standing.macro_f1.value
        )
    return selection
