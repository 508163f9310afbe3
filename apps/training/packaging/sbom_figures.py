"""What the ``modelCard`` of every model in a bill of materials shares: its parameters, and how a figure is written. Pure."""

from typing import Any

from apps.training.packaging.provenance import Provenance
from libs.common.stats.metrics import Interval

DATASET = "dataset"
"""The reference of the dataset's component."""

MEMORY = {
    "name": "weights and vocabulary may hold words of the mail it was trained on",
    "mitigationStrategy": "`triage dataset forget` names the versions that were trained on what it erases; train them again",
}
_ARCHITECTURE_FAMILIES = {
    "tabular": "linear model",
    "cascade": "linear model before a transformer network",
    "transformer": "transformer network",
    "hybrid": "linear model",
    "boosted": "gradient-boosted trees",
    "extractive": "transformer network",
    "t5": "transformer network",
    "gpt": "transformer network",
}


def model_parameters(task: str, provenance: Provenance, outputs: str) -> dict[str, Any]:
    """How it was made, what goes in and what comes out."""
    return {
        "approach": {"type": "supervised"},
        "task": task,
        "architectureFamily": _ARCHITECTURE_FAMILIES[provenance.family],
        "modelArchitecture": provenance.architecture,
        "datasets": [{"ref": DATASET}],
        "inputs": [{"format": "e-mail: subject, body, metadata"}],
        "outputs": [{"format": outputs}],
    }


def figure(kind: str, value: float) -> dict[str, Any]:
    """A figure without an interval."""
    return {"type": kind, "value": _text(value)}


def bounded(kind: str, interval: Interval) -> dict[str, Any]:
    """A figure with the bounds of its 95 % interval."""
    return figure(kind, interval.value) | {
        "confidenceInterval": {"lowerBound": _text(interval.low), "upperBound": _text(interval.high)}
    }


def _text(value: float) -> str:
    return f"{value:.4f}"
