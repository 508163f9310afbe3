"""Turns a fitted, evaluated classifier into an artifact: model card, pinned requirements, and what monitoring compares with."""

import importlib.metadata
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from apps.training.evaluation.economies import economies_said
from apps.training.evaluation.evaluate import BATCH, Evaluation
from apps.training.evaluation.evaluation_page import PAGE, evaluation_page, latest_said, selection_said
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.review import TARGET_PRECISION, Review
from apps.training.fitting.examples import Examples
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import DeploymentRequirements, TrainingDetails
from libs.common.domain.triage import Email
from libs.common.models.artifact import write_artifact
from libs.common.models.base import Classifier
from libs.common.stats.calibration import brier_score
from libs.common.stats.metrics import weighted_f1, weighted_precision

REQUIREMENTS = "requirements-model.txt"
Facts = Callable[[Email], dict[str, float]]

# KS with 2 000 against 500 e-mails sees D = 0.08 at 5 %; more rows buy little and make the artifact heavy.
_REFERENCE_ROWS = 2000
_READING = ("numpy", "pydantic", "safetensors", "ftfy")
_READING_TEXTS = (*_READING, "onnxruntime", "tokenizers")
_WRITING = (*_READING, "tokenizers", "torch", "transformers")
_PACKAGES = {
    "tabular": _READING,
    "cascade": _READING_TEXTS,
    "transformer": _READING_TEXTS,
    "boosted": (*_READING_TEXTS, "xgboost"),
    "extractive": _READING_TEXTS,
    "t5": _WRITING,
    "gpt": _WRITING,
}


@dataclass(frozen=True)
class Provenance:
    """What the card says besides figures."""

    model_name: str
    dataset: DatasetVersion
    training: TrainingDetails


@dataclass(frozen=True)
class Judged:
    """A classifier with all that is said of it."""

    classifier: Classifier
    review: Review
    footprint: Footprint


def package_model(folder: Path, judged: Judged, taught: Examples, provenance: Provenance, facts: Facts) -> str:
    """Write the artifact to the new ``folder``; returns its digest."""
    family, review = judged.classifier.family, judged.review
    page = evaluation_page(family, review, provenance.dataset, provenance.training, judged.footprint)
    documents = {
        "README.md": model_card(judged, provenance).encode(),
        PAGE: page.encode(),
        REQUIREMENTS: requirements(family).encode(),
        "reference.json": _reference_figures(review.evaluation, provenance).encode(),
        "reference.parquet": _reference_facts(taught, facts, provenance.training.seed),
    }
    return write_artifact(folder, judged.classifier, documents)


def requirements(family: str) -> str:
    """The packages that prediction needs, pinned to what is installed here."""
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES[family]]
    return "\n".join(pins) + "\n"


def deployment_requirements(family: str, measured: Footprint) -> DeploymentRequirements:
    """What a server needs: the process itself (about 200 MB), and what the classifier was seen to add to one."""
    return DeploymentRequirements(
        memory_mb=200 + math.ceil(measured.memory_bytes / 10**6),
        cpu_cores=1 if family == "tabular" else 2,
        gpu_required=False,
        python_version=">=3.11",
        dependencies=REQUIREMENTS,
    )


def model_card(judged: Judged, provenance: Provenance) -> str:
    """A card in Hugging Face's format: figures as ``model-index`` in front, the same for people below."""
    figures, dataset = judged.review.evaluation.figures, provenance.dataset
    front = {
        "language": "en",
        "pipeline_tag": "text-classification",
        "tags": ["email", "triage", judged.classifier.family],
        "model-index": [
            {
                "name": provenance.model_name,
                "results": [
                    {
                        "task": {"type": "text-classification"},
                        "dataset": {
                            "type": dataset.name,
                            "name": dataset.name,
                            "revision": dataset.version,
                            "split": "holdout",
                        },
                        "metrics": [
                            {"type": "accuracy", "value": round(figures.accuracy, 4)},
                            {"type": "f1", "name": "macro F1", "value": round(figures.f1_score, 4)},
                            {"type": "ece", "name": "calibration error", "value": round(figures.calibration_error, 4)},
                        ],
                    }
                ],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{_card_text(judged, provenance)}"


def _card_text(judged: Judged, provenance: Provenance) -> str:
    classifier, review, measured = judged.classifier, judged.review, judged.footprint
    evaluation = review.evaluation
    figures, training = evaluation.figures, provenance.training
    recall = "\n".join(f"| {label} | {value:.3f} |" for label, value in figures.per_class_recall.items())
    return f"""
# {provenance.model_name} ({classifier.family})

Gives an e-mail one of {len(classifier.labels)} categories: {", ".join(classifier.labels)}.

**Intended use.** Sorting incoming mail for people who still read it. Not for deciding about the people who wrote it.
**Limits.** Knows the vocabulary of its training data only; mail in other languages or of other years is a guess, and drift
is measured against `reference.parquet`. The sender's name and domain are no features.

| figure on {figures.holdout_rows} e-mails never trained on | value |
|---|---|
| accuracy (95 % interval) | {figures.accuracy:.3f} ({figures.accuracy_low:.3f}–{figures.accuracy_high:.3f}) |
| macro F1 (95 % interval) | {figures.f1_score:.3f} ({evaluation.f1.low:.3f}–{evaluation.f1.high:.3f}) |
| macro precision · recall | {figures.precision:.3f} · {figures.recall:.3f} |
| calibration error | {figures.calibration_error:.3f} |
| weighted precision · F1 | {weighted_precision(evaluation.counts):.3f} · {weighted_f1(evaluation.counts):.3f} |
| Brier score | {brier_score(evaluation.probabilities, evaluation.truth):.3f} |
| latency alone, p50 · p95 | {evaluation.alone.p50_ms:.1f} · {evaluation.alone.p95_ms:.1f} ms |
| latency of {BATCH}, p50 · p95 | {evaluation.batched.p50_ms:.1f} · {evaluation.batched.p95_ms:.1f} ms |
| size · memory it adds to a process | {measured.size_bytes / 10**6:.1f} · {measured.memory_bytes / 10**6:.0f} MB |

{_abstention(review)}
{economies_said(review.economies)}
**Selection.** {selection_said(review.refits.selection)}

**Time-ordered.** {latest_said(review.refits.latest)}

**Found by the evaluation.** {_findings(review)} Slices, fairness, robustness and mistakes: `{PAGE}`.

| category | recall |
|---|---|
{recall}

Trained {training.training_date:%Y-%m-%d} on {provenance.dataset.tag} (`{training.dataset_digest[:12]}`), seed {training.seed},
in {training.training_duration_hours * 60:.1f} minutes.
"""


def _abstention(review: Review) -> str:
    if review.abstention is None:
        return f"No confidence keeps a precision of {TARGET_PRECISION:.0%} for certain: too few e-mails, or too many mistakes."
    threshold, coverage = review.abstention.threshold, review.abstention.coverage
    return f"Answers at {threshold:.3f} confidence or more, {coverage:.0%} of all, are right in {TARGET_PRECISION:.0%} or more."


def _findings(review: Review) -> str:
    said = "; ".join(f"{found.kind}: {found.said}" for found in review.findings)
    return f"{said}." if said else "Nothing."


def _reference_figures(evaluation: Evaluation, provenance: Provenance) -> str:
    figures = {
        "dataset": provenance.dataset.tag,
        "accuracy": evaluation.figures.accuracy,
        "latency_p50_ms": evaluation.alone.p50_ms,
        "latency_p95_ms": evaluation.figures.inference_latency_p95_ms,
        "holdout_rows": evaluation.figures.holdout_rows,
    }
    return json.dumps(figures, indent=2) + "\n"


def _reference_facts(taught: Examples, facts: Facts, seed: int) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    chosen = np.random.default_rng(seed).permutation(len(taught))[:_REFERENCE_ROWS]
    rows = [facts(taught.emails[row]) for row in np.sort(chosen)]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), table)
    return table.getvalue()
