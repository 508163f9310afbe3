"""Turns a fitted, judged summarizer into an artifact: card, bill of materials, pinned requirements, reference figures."""

import json
from functools import partial
from pathlib import Path

from apps.training.packaging.provenance import Provenance
from apps.training.packaging.requirements import REQUIREMENTS, requirements
from apps.training.packaging.sbom import describe_files
from apps.training.summaries.card import JudgedSummarizer, summarizer_card
from apps.training.summaries.judge import Judgment
from apps.training.summaries.sbom_card import summarizer_sbom_card
from libs.common.models.artifact import write_artifact


def package_summarizer(folder: Path, judged: JudgedSummarizer, provenance: Provenance) -> str:
    """Write the artifact to the new ``folder``; returns its digest."""
    documents = {
        "README.md": summarizer_card(judged, provenance).encode(),
        REQUIREMENTS: requirements(provenance.family).encode(),
        "reference.json": _reference(judged.judgment, provenance).encode(),
    }
    describe = partial(describe_files, provenance, summarizer_sbom_card(judged.judgment, provenance))
    return write_artifact(folder, judged.summarizer, documents, describe)


def _reference(judgment: Judgment, provenance: Provenance) -> str:
    figures = {
        "dataset": provenance.dataset.tag,
        **{kind: figure.value for kind, figure in judgment.quality.rouge.items()},
        "latency_p50_ms": judgment.alone.p50_ms,
        "latency_p95_ms": judgment.alone.p95_ms,
        "holdout_rows": len(judgment.quality.rows),
    }
    return json.dumps(figures, indent=2) + "\n"
