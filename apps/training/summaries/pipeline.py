"""From a dataset version to registered summarizers: fit each family, judge it, package it, register it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from apps.training.evaluation.evaluate import BATCH
from apps.training.evaluation.footprint import footprint
from apps.training.fitting.compute import Compute, compute_of, on_machines
from apps.training.fitting.ray_train import machines
from apps.training.packaging.draft import draft_version
from apps.training.packaging.provenance import Provenance
from apps.training.provenance import training_details
from apps.training.stages import Stages
from apps.training.summaries.card import JudgedSummarizer
from apps.training.summaries.examples import SummaryExamples, read_summary_examples
from apps.training.summaries.judge import figures_of, judge
from apps.training.summaries.package import package_summarizer
from libs.common.config.training import SummarizerName, Training
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.model import SUMMARIZER, ModelVersion, TrainingDetails
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.value import Value
from libs.common.errors import ModelError
from libs.common.logs import get_logger
from libs.common.models.base import Summarizer
from libs.common.stores.registry import ModelRegistry

log = get_logger("training.summaries")

Fitter = Callable[[SummaryExamples, int, Path], Summarizer]


class SummarizerRequest(Value):
    """Which families are to be fitted, on which compute profile: the configured default where none is named.

    Run again under the same ``request_id`` after all was registered, it trains nothing.
    """

    families: tuple[str, ...] = ()
    seed: int = 0
    request_id: str = ""
    profile: str = ""


@dataclass(frozen=True)
class _Fitted:
    judged: JudgedSummarizer
    details: TrainingDetails
    compute: Compute


def train_summarizers(
    request: SummarizerRequest,
    dataset_folder: Path,
    dataset: DatasetVersion,
    registry: ModelRegistry,
    settings: Training,
    now: datetime,
    watch: Watch = unwatched,
) -> list[ModelVersion]:
    """Fit each family on the same pairs; returns the registered versions, best ROUGE first.

    Nothing is registered before every family is fitted and judged. Ray must be connected.
    """
    profile = settings.compute_resources.named(request.profile or settings.profile)
    settings = on_machines(settings, profile, machines())
    fitters = {family: _fitter(family, settings) for family in request.families or settings.summarizers.default}
    done = {version.family: version for version in registry.of_request(SUMMARIZER, request.request_id)}
    if done.keys() >= fitters.keys():
        return sorted(done.values(), key=lambda version: int(version.version), reverse=True)
    train, holdout = (read_summary_examples(dataset_folder, split) for split in (Split.TRAIN, Split.HOLDOUT))
    seed, stages = request.seed, Stages(watch, 2 * len(fitters) + 1)
    with TemporaryDirectory(prefix="triage-summaries-") as scratch:
        fitted: list[_Fitted] = []
        for family, fit in fitters.items():
            stages.begin(f"fitting {family}")
            workspace = Path(scratch) / family
            workspace.mkdir()
            start = time.perf_counter()
            summarizer = fit(train, seed, workspace)
            seconds = time.perf_counter() - start
            compute = compute_of(family, settings.summarizers, profile)
            details = training_details(dataset, compute.usd_per_hour, seconds, seed, now)
            stages.begin(f"judging {family}")
            fitted.append(_Fitted(_judge(summarizer, holdout, seed), details, compute))
        stages.begin("registering")
        # The best is registered last: the newest version is then the one to promote, also for a run that starts again.
        worst_first = sorted(fitted, key=lambda one: float(one.judged.judgment.quality.rows.mean()))
        registered = [
            done.get(one.judged.summarizer.family) or _register(one, dataset, registry, Path(scratch), request.request_id)
            for one in worst_first
        ]
        stages.end()
    return registered[::-1]


def _fitter(family: str, settings: Training) -> Fitter:
    if family == "extractive":
        from apps.training.summaries.fit_extractive import fit_extractive

        return lambda examples, seed, workspace: fit_extractive(examples, settings.summarizers.extractive, seed, workspace)
    if family == "t5":
        from apps.training.summaries.fit_generative import fit_t5

        return lambda examples, seed, workspace: fit_t5(examples, settings.summarizers.t5, seed, workspace)
    if family == "gpt":
        from apps.training.summaries.fit_generative import fit_gpt

        return lambda examples, seed, workspace: fit_gpt(examples, settings.summarizers.gpt, seed, workspace)
    raise ModelError(f"there is no summarizer family '{family}'", f"write one of {', '.join(get_args(SummarizerName))}")


def _judge(summarizer: Summarizer, holdout: SummaryExamples, seed: int) -> JudgedSummarizer:
    judgment = judge(summarizer, holdout, seed)
    log.info("%s on the holdout: %s", summarizer.family, figures_of(judgment).headline)
    return JudgedSummarizer(summarizer, judgment, footprint(summarizer, holdout.emails[:BATCH]))


def _register(
    fitted: _Fitted, dataset: DatasetVersion, registry: ModelRegistry, scratch: Path, request_id: str
) -> ModelVersion:
    judged, family = fitted.judged, fitted.judged.summarizer.family
    folder = scratch / f"{family}-artifact"
    provenance = Provenance(SUMMARIZER, family, dataset, fitted.details)
    digest = package_summarizer(folder, judged, provenance)
    draft = draft_version(provenance, (), digest, figures_of(judged.judgment), judged.footprint)
    params = {
        "family": family,
        "seed": fitted.details.seed,
        "dataset": dataset.tag,
        **fitted.compute.params,
        **judged.summarizer.options,
    }
    version = registry.register(folder, draft, params, _logged(judged), request_id)
    log.info("registered %s version %s (%s)", version.model_name, version.version, version.family)
    return version


def _logged(judged: JudgedSummarizer) -> dict[str, float]:
    judgment, measured = judged.judgment, judged.footprint
    further = {
        "empty": judgment.quality.empty,
        "inference_latency_p50_ms": judgment.alone.p50_ms,
        "batch_latency_p50_ms": judgment.batched.p50_ms,
        "batch_latency_p95_ms": judgment.batched.p95_ms,
        "size_mb": measured.size_bytes / 10**6,
        "memory_mb": measured.memory_bytes / 10**6,
    }
    return {name: float(value) for name, value in {**figures_of(judgment).model_dump(), **further}.items()}
