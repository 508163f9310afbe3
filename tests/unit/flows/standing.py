"""A flow's context over real SQLite records and the shipped configuration; only Prefect and MLflow are small doubles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.context import FlowContext
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores
from libs.common.domain.model import (
    SUMMARIZER,
    DeploymentRequirements,
    ModelVersion,
    PerformanceMetrics,
    Stage,
    SummaryMetrics,
    TrainingDetails,
)
from libs.common.domain.promotion import Promotion
from libs.common.errors import StoreError
from libs.common.stores.records import migrate

MODEL = "email_classifier"
NOW = datetime(2025, 1, 15, tzinfo=UTC)


@dataclass
class Orchestrator:
    """Remembers what was asked of it; ``states`` are the flow runs that it knows."""

    states: dict[str, str] = field(default_factory=dict[str, str])
    started: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict[str, tuple[str, dict[str, Any]]])
    resumed: list[str] = field(default_factory=list[str])
    driven: list[str] = field(default_factory=list[str])
    away: bool = False

    def state(self, flow_run_id: str) -> str:
        return self.states.get(flow_run_id, "MISSING")

    def resume(self, flow_run_id: str) -> bool:
        if self.away:
            raise StoreError("the Prefect server does not answer")
        self.resumed.append(flow_run_id)
        return True

    def start_flow(self, name: str, parameters: dict[str, Any], idempotency_key: str | None = None) -> str:
        run = idempotency_key or f"{name}-{len(self.started)}"
        self.started.setdefault(run, (name, parameters))
        return run

    def active(self, name: str, **parameters: str) -> list[str]:
        return [run for run in self.driven if run == parameters["model"]]


@dataclass
class Registry:
    """One version, and the aliases that were set."""

    version: ModelVersion
    aliases: dict[str, str] = field(default_factory=dict[str, str])

    def get(self, name: str, version: str) -> ModelVersion:
        return self.version

    def champion(self, name: str) -> ModelVersion | None:
        return self.version if "champion" in self.aliases else None

    def set_stage(self, name: str, version: str, stage: Stage) -> None:
        self.version = self.version.model_copy(update={"stage": stage})

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self.aliases[alias] = version


@contextmanager
def standing(tmp_path: Path, orchestrator: Orchestrator, registry: Registry) -> Iterator[FlowContext]:
    """The context; its records are closed afterwards."""
    home = Home(tmp_path)
    config = load_config("local")
    addresses = replace(config.addresses(home), records=f"sqlite:///{tmp_path}/records.db", objects=str(tmp_path / "objects"))
    migrate(addresses.records)
    stores = Stores(addresses)
    stores.__dict__.update(orchestrator=orchestrator, registry=registry)
    yield FlowContext(config=config, home=home, stores=stores)
    stores.records.close()


def version(stage: Stage = Stage.NONE, accuracy: float = 0.95) -> ModelVersion:
    """A registered version that is good enough unless told otherwise."""
    return ModelVersion(
        model_name=MODEL,
        version="3",
        framework="scikit-learn",
        architecture="tfidf-logistic-regression",
        family="tabular",
        labels=("ham", "spam"),
        digest="d" * 64,
        uri="objects/3",
        stage=stage,
        performance_metrics=PerformanceMetrics(
            accuracy=accuracy,
            precision=accuracy,
            recall=accuracy,
            f1_score=accuracy,
            inference_latency_p95_ms=12.0,
            accuracy_low=accuracy - 0.01,
            accuracy_high=accuracy + 0.01,
            calibration_error=0.02,
            holdout_rows=400,
            per_class_recall={},
        ),
        training_details=TrainingDetails(
            dataset_version="emails/v1.0.0",
            dataset_digest="e" * 64,
            training_duration_hours=0.1,
            compute_cost_usd=0.01,
            training_date=NOW,
            seed=0,
        ),
        deployment_requirements=DeploymentRequirements(
            memory_mb=256, cpu_cores=1, gpu_required=False, python_version=">=3.11", dependencies="requirements-model.txt"
        ),
    )


def summarizer(rouge1: float = 0.4) -> ModelVersion:
    """A registered version of a summarizer."""
    figures = SummaryMetrics(
        rouge1=rouge1,
        rouge2=0.2,
        rouge_l=rouge1,
        rouge1_low=rouge1 - 0.01,
        rouge1_high=rouge1 + 0.01,
        words=5,
        copy_rate=1,
        inference_latency_p95_ms=9,
        holdout_rows=90,
    )
    changes = {"model_name": SUMMARIZER, "family": "extractive", "labels": (), "performance_metrics": figures}
    return version().model_copy(update=changes)


def promotion(stage: Stage = Stage.STAGING, **changes: Any) -> Promotion:
    """An open promotion of that version, whose flow run is ``run``."""
    asked = Promotion(
        id=f"p-{stage}", model=MODEL, version="3", stage=stage, requested_by="olga", requested_at=NOW, flow_run_id="run"
    )
    return asked.model_copy(update=changes)
