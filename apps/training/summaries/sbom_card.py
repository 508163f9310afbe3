"""The ``modelCard`` of a summarizer's bill of materials: what it does, how well, and what is to be considered. Pure."""

from typing import Any

from apps.training.packaging.provenance import Provenance
from apps.training.packaging.sbom_figures import MEMORY, bounded, figure, model_parameters
from apps.training.summaries.card import INTENDED_USE, LIMITS, TASK
from apps.training.summaries.judge import Judgment


def summarizer_sbom_card(judgment: Judgment, provenance: Provenance) -> dict[str, Any]:
    """The card as CycloneDX wants it."""
    quality = judgment.quality
    further = {"words a line": quality.words, "share of copied words": quality.copy_rate, "share of empty lines": quality.empty}
    figures = [
        *(bounded(f"{kind} F", found) for kind, found in quality.rouge.items()),
        *(figure(kind, value) for kind, value in further.items()),
    ]
    return {
        "modelParameters": model_parameters(TASK, provenance, "one line of text"),
        "quantitativeAnalysis": {"performanceMetrics": figures},
        "considerations": {
            "users": ["people who read the mail that is summed up"],
            "useCases": [INTENDED_USE],
            "technicalLimitations": [LIMITS],
            "ethicalConsiderations": [MEMORY],
        },
    }
