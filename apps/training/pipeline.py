"""From a dataset version to registered model versions: fit each family, choose by folds, judge on the holdout, register.

``build_version`` and ``train_versions`` are the stages as every front door runs them, the audit event included.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.datasets.corrections import answers_in
from apps.training.evaluation.economies import economies
from apps.training.evaluation.evaluate import BATCH, evaluate
from apps.training.evaluation.footprint import footprint
from apps.training.evaluation.groups import kin
from apps.training.evaluation.overlap import repeated_rows
from apps.training.evaluation.refits import Refits, TimeOrdered, Unmeasured, fold_of, judge_latest
from apps.training.evaluation.review import Standard, review
from apps.training.evaluation.select import Selection, select
from apps.training.evaluation.slices import require_attributes
from apps.training.fitters import Fitter, fitter, with_found
from apps.training.fitting.compute import compute_of, on_machines
from apps.training.fitting.examples import Examples, led_by_fold, read_examples, require_classes
from apps.training.fitting.out_of_fold import Fitted, OutOfFold, joined
from apps.training.fitting.ray_train import machines
from apps.training.fitting.run_folders import RunFolders, open_runs
from apps.training.package import package_model
from apps.training.packaging.card import Judged
from apps.training.packaging.draft import draft_version
from apps.training.packaging.logged import logged_figures
from apps.training.packaging.provenance import Provenance
from apps.training.provenance import Stamp, code_commit, training_details
from apps.training.summaries.pipeline import SummarizerRequest, train_summarizers
from libs.common.config.training import ComputeProfile, Training
from libs.common.connect import Stores
from libs.common.domain.audit import Actor
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.model import SUMMARIZER, ModelVersion, TrainingDetails
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.triage import Feedback
from libs.common.domain.value import Value
from libs.common.logs import get_logger
from libs.common.models.base import Classifier
from libs.common.stores.registry import ModelRegistry

log = get_logger("training.pipeline")


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
class _Course:
    request: TrainRequest
    dataset: DatasetVersion
    train: Examples
    holdout: Examples
    repeated: tuple[int, ...]
    settings: Training
    profile: ComputeProfile
    now: datetime
    scratch: Path


@dataclass(frozen=True)
class _Trained:
    """A family's fit, what it answers to the folds by which families are compared, and how long it took."""

    fitted: Fitted[Classifier]
    answers: OutOfFold
    details: TrainingDetails


@dataclass(frozen=True)
class Workplace:
    """Where a stage runs: its stores, in whose name, and when; a killed training goes on from what it left in ``trainings``."""

    stores: Stores
    actor: Actor
    now: datetime
    trainings: Path | None = None


def build_version(
    place: Workplace,
    request: BuildRequest,
    config_digest: str,
    feedback: Sequence[Feedback] = (),
    watch: Watch = unwatched,
) -> DatasetVersion:
    """Build, commit and audit the next version of a dataset; ``watch`` is told how far the reading is."""
    stamp, answers = Stamp(place.now, code_commit(), config_digest), partial(answers_in, place.stores.predictions)
    version = build_dataset(request, place.stores.datasets, stamp, feedback, answers, watch)
    details = {"digest": version.digest, "rows": version.rows}
    place.stores.records.audit.append(place.actor, "dataset_built", version.tag, details, place.now)
    return version


def train_versions(
    place: Workplace, request: TrainRequest, settings: Training, dataset: str, version: str
) -> list[ModelVersion]:
    """Train on a version of ``dataset``, register and audit; returns the versions, best first."""
    stores = place.stores
    found = stores.datasets.get(dataset, version)
    with tempfile.TemporaryDirectory(prefix="triage-dataset-") as scratch:
        folder = stores.datasets.checkout(found.name, found.version, Path(scratch) / "dataset")
        if request.model_name == SUMMARIZER:
            wanted = SummarizerRequest(
                families=request.families, seed=request.seed, request_id=request.request_id, profile=request.profile
            )
            trained = train_summarizers(wanted, folder, found, stores.registry, settings, place.now)
        else:
            with open_runs(place.trainings or Path(scratch) / "trainings") as runs:
                trained = train_models(request, folder, found, stores.registry, settings, place.now, runs)
    for registered in trained:
        details = {
            "family": registered.family,
            "digest": registered.digest,
            "dataset": found.tag,
            "dataset_digest": found.digest,
            **registered.performance_metrics.headline,
        }
        stores.records.audit.append(place.actor, "model_registered", str(registered.ref), details, place.now)
    return trained


def train_models(
    request: TrainRequest,
    dataset_folder: Path,
    dataset: DatasetVersion,
    registry: ModelRegistry,
    settings: Training,
    now: datetime,
    runs: RunFolders | None = None,
) -> list[ModelVersion]:
    """Train each family on the same split; returns the registered versions, best first.

    Which is best is decided on folds of the training rows; the holdout is read once, for the figures of each. Nothing is
    registered before every family is fitted and judged. All but the tabular one need Ray to be connected.
    """
    families = request.families or settings.families.default
    if request.tuned:
        settings = with_found(settings, request.model_name, families, registry)
    profile = settings.compute_resources.named(request.profile or settings.profile)
    settings = on_machines(settings, profile, machines())
    fitters = {family: fitter(family, settings, runs) for family in families}
    require_attributes(request.protected_attributes)
    done = {version.family: version for version in registry.of_request(request.model_name, request.request_id)}
    if done.keys() >= fitters.keys():
        return sorted(done.values(), key=lambda version: int(version.version), reverse=True)
    train = read_examples(dataset_folder, Split.TRAIN)
    require_classes(train, dataset.tag)
    holdout = read_examples(dataset_folder, Split.HOLDOUT)
    with tempfile.TemporaryDirectory(prefix="triage-train-") as scratch:
        course = _Course(request, dataset, train, holdout, repeated_rows(train, holdout), settings, profile, now, Path(scratch))
        folds = settings.selection.folds if len(fitters) > 1 else 1
        trained = {family: _fit(course, family, fit, folds) for family, fit in fitters.items()}
        selection = _choose(course, trained)
        judged = {family: _judge(course, family, one, selection) for family, one in trained.items()}
        # The best is registered last: the newest version is then the one to promote, also for a run that starts again.
        registered = [
            done.get(family) or _register(course, judged[family], trained[family].details, registry)
            for family in reversed(selection.families)
        ]
    return registered[::-1]


def _fit(course: _Course, family: str, fit: Fitter, folds: int) -> _Trained:
    """What comes of the fit that sets the lowest fold aside; each further fold costs a fit of which only the answers stay."""
    log.info("fitting %s on %d e-mails of %s", family, len(course.train), course.dataset.tag)
    workspace = course.scratch / family
    workspace.mkdir()
    start = time.perf_counter()
    fitted = fit(course.train, course.request.seed, workspace)
    seconds = time.perf_counter() - start
    log.info("fitted %s in %.1f s", family, seconds)
    answers = [fitted.aside]
    for place in range(1, min(folds, len(set(course.train.folds)))):
        with tempfile.TemporaryDirectory(prefix=f"{family}-fold-", dir=course.scratch) as scratch:
            answers.append(fit(led_by_fold(course.train, place), course.request.seed, Path(scratch)).aside)
    price = compute_of(family, course.settings.families, course.profile).usd_per_hour
    details = training_details(course.dataset, price, seconds, course.request.seed, course.now)
    return _Trained(fitted, joined(answers), details)


def _choose(course: _Course, trained: Mapping[str, _Trained]) -> Selection:
    answers = {family: one.answers for family, one in trained.items()}
    groups = kin(course.train.take(next(iter(answers.values())).rows).emails)
    selection = select(answers, groups, course.request.seed)
    for standing in selection.standings:
        log.info(
            "%s out of fold: accuracy %.3f, macro F1 %.3f", standing.family, standing.accuracy.value, standing.macro_f1.value
        )
    return selection


def _judge(course: _Course, family: str, trained: _Trained, selection: Selection) -> Judged:
    classifier, request = trained.fitted.classifier, course.request
    evaluation = evaluate(classifier, course.holdout, request.seed)
    figures = evaluation.figures
    log.info("%s on the holdout: accuracy %.3f, macro F1 %.3f", family, figures.accuracy, figures.f1_score)
    compared = selection if len(selection.standings) > 1 else Unmeasured(f"{family} is the only family that was asked for")
    refits = Refits(fold_of(trained.fitted.aside), _latest(course, family), compared)
    standard = Standard(request.protected_attributes, request.bias_threshold)
    cheaper = economies(classifier, evaluation, course.holdout, request.seed, trained.fitted.int8)
    seen = review(classifier, evaluation, course.holdout, course.repeated, refits, standard, cheaper)
    for found in seen.findings:
        log.warning("%s: %s: %s", family, found.kind, found)
    return Judged(classifier, seen, footprint(classifier, course.holdout.emails[:BATCH]))


def _latest(course: _Course, family: str) -> TimeOrdered | Unmeasured:
    """Fitted again only where that takes seconds."""
    if family != "tabular":
        return Unmeasured(f"the {family} family is not fitted a second time, that takes minutes")
    from apps.training.fitting.fit_tabular import fit_once

    options, seed, order = course.settings.families.tabular, course.request.seed, course.dataset.lineage.order
    return judge_latest(lambda rows: fit_once(rows, options, seed), course.train, course.holdout, order, seed)


def _register(course: _Course, judged: Judged, training: TrainingDetails, registry: ModelRegistry) -> ModelVersion:
    from libs.common.features.drift_features import monitored_features

    request, classifier = course.request, judged.classifier
    folder = course.scratch / f"{classifier.family}-artifact"
    provenance = Provenance(request.model_name, classifier.family, course.dataset, training)
    digest = package_model(folder, judged, course.train, provenance, monitored_features)
    figures = judged.review.evaluation.figures
    draft = draft_version(provenance, classifier.labels, digest, figures, judged.footprint)
    params = {
        "family": classifier.family,
        "seed": request.seed,
        "tuned": request.tuned,
        "dataset": course.dataset.tag,
        **compute_of(classifier.family, course.settings.families, course.profile).params,
        **classifier.options,
    }
    version = registry.register(folder, draft, params, logged_figures(judged), request.request_id)
    log.info("registered %s version %s (%s)", version.model_name, version.version, version.family)
    return version
