"""From a dataset version to registered model versions: fit each family, choose by folds, judge on the holdout, register.

``build_version`` and ``train_versions`` are the stages as every front door runs them, the audit event included.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from apps.training.course import Course, Trained, TrainRequest, choose, fit_family
from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.datasets.corrections import answers_in
from apps.training.evaluation.economies import economies
from apps.training.evaluation.evaluate import BATCH, evaluate
from apps.training.evaluation.footprint import footprint
from apps.training.evaluation.overlap import repeated_rows
from apps.training.evaluation.refits import Refits, TimeOrdered, Unmeasured, fold_of, judge_latest
from apps.training.evaluation.review import Standard, review
from apps.training.evaluation.select import Selection
from apps.training.evaluation.slices import require_attributes
from apps.training.fitters import fitter, with_found
from apps.training.fitting.compute import compute_of, on_machines
from apps.training.fitting.examples import read_examples, require_classes
from apps.training.fitting.ray_train import machines
from apps.training.fitting.run_folders import RunFolders, open_runs
from apps.training.package import package_model
from apps.training.packaging.card import Judged
from apps.training.packaging.draft import draft_version
from apps.training.packaging.logged import logged_figures
from apps.training.packaging.provenance import Provenance
from apps.training.provenance import Stamp, code_commit
from apps.training.stages import Stages
from apps.training.summaries.pipeline import SummarizerRequest, train_summarizers
from libs.common.config.training import Training
from libs.common.connect import Stores
from libs.common.domain.audit import Actor
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.model import SUMMARIZER, ModelVersion, TrainingDetails
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.triage import Feedback
from libs.common.logs import get_logger
from libs.common.stores.registry import ModelRegistry

log = get_logger("training.pipeline")


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
    place: Workplace, request: TrainRequest, settings: Training, dataset: str, version: str, watch: Watch = unwatched
) -> list[ModelVersion]:
    """Train on a version of ``dataset``, register and audit; returns the versions, best first. ``watch`` is told each stage."""
    stores = place.stores
    found = stores.datasets.get(dataset, version)
    with tempfile.TemporaryDirectory(prefix="triage-dataset-") as scratch:
        folder = stores.datasets.checkout(found.name, found.version, Path(scratch) / "dataset")
        if request.model_name == SUMMARIZER:
            wanted = SummarizerRequest(
                families=request.families, seed=request.seed, request_id=request.request_id, profile=request.profile
            )
            trained = train_summarizers(wanted, folder, found, stores.registry, settings, place.now, watch)
        else:
            with open_runs(place.trainings or Path(scratch) / "trainings") as runs:
                trained = train_models(request, folder, found, stores.registry, settings, place.now, runs, watch)
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
    watch: Watch = unwatched,
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
        stages, repeated = Stages(watch, 2 * len(fitters) + 1), repeated_rows(train, holdout)
        course = Course(request, dataset, train, holdout, repeated, settings, profile, now, Path(scratch), stages)
        folds = settings.selection.folds if len(fitters) > 1 else 1
        trained = {family: fit_family(course, family, fit, folds) for family, fit in fitters.items()}
        selection = choose(course, trained)
        judged = {family: _judge(course, family, one, selection) for family, one in trained.items()}
        stages.begin("registering")
        # The best is registered last: the newest version is then the one to promote, also for a run that starts again.
        registered = [
            done.get(family) or _register(course, judged[family], trained[family].details, registry)
            for family in reversed(selection.families)
        ]
        stages.end()
    return registered[::-1]


def _judge(course: Course, family: str, trained: Trained, selection: Selection) -> Judged:
    course.stages.begin(f"judging {family}")
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


def _latest(course: Course, family: str) -> TimeOrdered | Unmeasured:
    """Fitted again only where that takes seconds."""
    if family != "tabular":
        return Unmeasured(f"the {family} family is not fitted a second time, that takes minutes")
    from apps.training.fitting.fit_tabular import fit_once

    options, seed, order = course.settings.families.tabular, course.request.seed, course.dataset.lineage.order
    return judge_latest(lambda rows: fit_once(rows, options, seed), course.train, course.holdout, order, seed)


def _register(course: Course, judged: Judged, training: TrainingDetails, registry: ModelRegistry) -> ModelVersion:
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
