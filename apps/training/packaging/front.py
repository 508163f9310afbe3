"""The YAML in front of a model card: Hugging Face's ``model-index``, and the specification's metadata."""

from collections.abc import Sequence
from typing import Any

import yaml

from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.provenance import Provenance
from apps.training.packaging.requirements import deployment_requirements
from libs.common.domain.model import Compliance, PerformanceMetrics, SummaryMetrics


def card_front(
    task: str,
    metrics: Sequence[dict[str, Any]],
    figures: PerformanceMetrics | SummaryMetrics,
    provenance: Provenance,
    measured: Footprint,
) -> str:
    """The front matter between its dashes; ``metrics`` are those of ``model-index``."""
    dataset = provenance.dataset
    judged_on = {"type": dataset.name, "name": dataset.name, "revision": dataset.version, "split": "holdout"}
    result = {"task": {"type": task}, "dataset": {**judged_on, "args": {"digest": dataset.digest}}, "metrics": list(metrics)}
    front = {
        "language": "en",
        "pipeline_tag": task,
        "tags": ["email", "triage", provenance.family],
        "datasets": [dataset.name],
        "model-index": [{"name": provenance.model_name, "results": [result]}],
        "metadata": _metadata(figures, provenance, measured),
    }
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n"


def _metadata(figures: PerformanceMetrics | SummaryMetrics, provenance: Provenance, measured: Footprint) -> dict[str, Any]:
    """The keys of ``model_registry.metadata_schema``, but for the version: the registry counts it later."""
    return {
        "model_name": provenance.model_name,
        "framework": provenance.framework,
        "architecture": provenance.architecture,
        "performance_metrics": figures.model_dump(mode="json"),
        "training_details": provenance.training.model_dump(mode="json"),
        "deployment_requirements": deployment_requirements(provenance.family, measured).model_dump(mode="json"),
        "compliance": Compliance().model_dump(mode="json"),
    }
