"""The search for a family's options as a stage: a dataset version's folds → a `TunedOptions`, in MLflow and the audit chain.

The holdout is not read. Ray must be connected already, by whichever front door runs this.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from apps.training.fitting.examples import read_examples, require_classes
from apps.training.fitting.ray_train import require_ray
from apps.training.pipeline import Workplace
from apps.training.search.journal import Journal
from apps.training.search.objective import Subject
from apps.training.search.question import Question, TuneRequest
from apps.training.search.search import Search
from apps.training.search.search_page import PAGE, search_page
from apps.training.search.suggest import importance_of
from apps.training.search.trials import State, Trial
from libs.common.config.training import Families, Training
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.search import Score, SearchProgress, TunedOptions
from libs.common.errors import ModelError
from libs.common.logs import get_logger
from libs.common.stores.registry import ModelRegistry
from libs.common.stores.search_runs import SearchRun

log = get_logger("training.search")


def tune_version(
    place: Workplace,
    request: TuneRequest,
    settings: Training,
    dataset: DatasetVersion,
    searches: Path,
    watch: Watch = unwatched,
) -> TunedOptions:
    """Search on a dataset version, log and audit; what was tried is kept below the folder ``searches``."""
    stores = place.stores
    with tempfile.TemporaryDirectory(prefix="triage-dataset-") as scratch:
        folder = stores.datasets.checkout(dataset.name, dataset.version, Path(scratch) / "dataset")
        question = Question(request, settings, dataset, read_examples(folder, Split.TRAIN))
    selection = search_options(question, stores.registry, searches, place.now, watch)
    details = {
        "family": selection.family,
        "search": selection.key,
        "dataset": selection.dataset,
        "dataset_digest": selection.dataset_digest,
        "options": selection.options,
        "macro_f1": selection.score.mean,
        "configured_macro_f1": selection.base.mean,
        "trials": selection.trials,
    }
    stores.records.audit.append(place.actor, "model_tuned", f"{request.model_name}/{selection.family}", details, place.now)
    return selection


def search_options(
    question: Question, registry: ModelRegistry, searches: Path, now: datetime, watch: Watch = unwatched
) -> TunedOptions:
    """Try what is still to be tried, and log the outcome; the same for the same question, however often it is killed."""
    require_classes(question.train, question.dataset.tag)
    request, plan = question.request, question.plan
    run = registry.search_runs.open(request.model_name, request.family, question.key, now)
    log.info("search %s: %d trials of %s on %s", question.key, plan.trials, request.family, question.dataset.tag)
    with Journal(searches / question.key) as journal:
        search = Search(plan, journal, _Witness(run, plan.trials, watch))
        if search.remaining:
            _try_remaining(search, question)
    selection = _selection(question, search)
    run.close(selection, {PAGE: search_page(selection, search.trials, plan.course)})
    log.info("search %s: %s", question.key, selection)
    return selection


def trials_at_once(family: str, families: Families, resources: Mapping[str, float], most: int) -> int:
    """How many trials fit on the CPUs and GPUs of a cluster, one at least and ``most`` at most."""
    transformer, hybrid, boosted = families.transformer, families.hybrid, families.boosted
    # A worker of Ray Train books one CPU; an actor that embeds, half of one.
    cpus = {
        "transformer": float(transformer.workers),
        "hybrid": 1 + hybrid.actors / 2,
        "boosted": max(float(boosted.workers), boosted.actors / 2),
    }
    fit = int(resources.get("CPU", 1.0) // cpus.get(family, 1.0))
    gpus = int(resources.get("GPU", 0.0))
    if family == "transformer" and transformer.use_gpu and gpus:
        fit = min(fit, gpus // transformer.workers)
    return max(1, min(most, fit))


class _Witness:
    """Logs each trial that ends, and tells how far the search is."""

    def __init__(self, run: SearchRun, total: int, watch: Watch) -> None:
        self._run, self._total, self._watch = run, total, watch
        self._done, self._best, self._start = 0, 0.0, time.monotonic()

    def __call__(self, trial: Trial, state: State) -> None:
        self._run.log_trial(trial.number, trial.options, trial.scores, state)
        self._done += 1
        if state is State.COMPLETE:
            self._best = max(self._best, trial.mean())
        seconds = time.monotonic() - self._start
        self._watch(SearchProgress(done=self._done, total=self._total, seconds=seconds, best=self._best))


def _try_remaining(search: Search, question: Question) -> None:
    require_ray()
    import ray

    from apps.training.search.tuning import run_trials

    request, settings = question.request, question.settings
    at_once = trials_at_once(request.family, settings.families, ray.cluster_resources(), settings.search.generation)
    subject = Subject(question.train, request.family, settings, request.seed)
    with tempfile.TemporaryDirectory(prefix="triage-search-") as scratch:
        run_trials(search, subject, at_once, Path(scratch))


def _selection(question: Question, search: Search) -> TunedOptions:
    plan, trials = search.plan, search.trials
    states = Counter(search.state(trial) for trial in trials)
    configured, best = trials[0], search.best
    if configured.failed or best is None:
        raise ModelError(
            f"the configured options of {question.request.family} cannot be fitted: {configured.failed}", "correct them"
        )
    return TunedOptions(
        key=question.key,
        model_name=question.request.model_name,
        family=question.request.family,
        options=best.options,
        score=Score(folds=best.scores),
        configured=configured.options,
        base=Score(folds=configured.scores),
        trials=len(trials),
        stopped=states[State.STOPPED],
        failed=states[State.FAILED],
        importance=importance_of(plan.space, plan.section, trials, plan.course),
        seed=plan.seed,
        dataset=question.dataset.tag,
        dataset_digest=question.dataset.digest,
    )
