"""Turns a fitted, judged summarizer into an artifact: model card, pinned requirements, reference figures."""

import json
from pathlib import Path

import yaml

from apps.training.evaluation.evaluate import BATCH
from apps.training.package import REQUIREMENTS, Provenance, requirements
from apps.training.summaries.judge import Judgment
from libs.common.models.artifact import write_artifact
from libs.common.models.base import Summarizer


def package_summarizer(folder: Path, summarizer: Summarizer, judgment: Judgment, provenance: Provenance) -> str:
    """Write the artifact to the new ``folder``; returns its digest."""
    documents = {
        "README.md": summarizer_card(summarizer, judgment, provenance).encode(),
        REQUIREMENTS: requirements(summarizer.family).encode(),
        "reference.json": _reference(judgment, provenance).encode(),
    }
    return write_artifact(folder, summarizer, documents)


def summarizer_card(summarizer: Summarizer, judgment: Judgment, provenance: Provenance) -> str:
    """A card in Hugging Face's format: figures as ``model-index`` in front, the same for people below."""
    dataset = provenance.dataset
    found = judgment.quality.rouge.items()
    result = {
        "task": {"type": "summarization"},
        "dataset": {"type": dataset.name, "name": dataset.name, "revision": dataset.version, "split": "holdout"},
        "metrics": [{"type": kind.lower(), "value": round(figure.value, 4)} for kind, figure in found],
    }
    front = {
        "language": "en",
        "pipeline_tag": "summarization",
        "tags": ["email", "triage", summarizer.family],
        "model-index": [{"name": provenance.model_name, "results": [result]}],
    }
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n{_card_text(summarizer, judgment, provenance)}"


def _card_text(summarizer: Summarizer, judgment: Judgment, provenance: Provenance) -> str:
    quality, training = judgment.quality, provenance.training
    rouge = "\n".join(
        f"| {kind} F (95 % interval) | {figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f}) |"
        for kind, figure in quality.rouge.items()
    )
    return f"""
# {provenance.model_name} ({summarizer.family})

Gives an e-mail one line that says what it is about.

**Intended use.** Showing people what a mail is about before they open it. Not a record of what was written.
**Limits.** Learned from the reference lines of its training data only; mail in other languages or of other kinds is a guess.
ROUGE counts shared words with a reference, stemmed: it does not say whether a line is true.

| figure on {len(quality.rows)} e-mails never trained on | value |
|---|---|
{rouge}
| words a line | {quality.words:.1f} |
| words that stand in the e-mail | {quality.copy_rate:.1%} |
| empty lines | {quality.empty:.1%} |
| latency alone, p50 · p95 | {judgment.alone.p50_ms:.1f} · {judgment.alone.p95_ms:.1f} ms |
| latency of {BATCH}, p50 · p95 | {judgment.batched.p50_ms:.1f} · {judgment.batched.p95_ms:.1f} ms |

Trained {training.training_date:%Y-%m-%d} on {provenance.dataset.tag} (`{training.dataset_digest[:12]}`), seed {training.seed},
in {training.training_duration_hours * 60:.1f} minutes.
"""


def _reference(judgment: Judgment, provenance: Provenance) -> str:
    figures = {
        "dataset": provenance.dataset.tag,
        **{kind: figure.value for kind, figure in judgment.quality.rouge.items()},
        "latency_p50_ms": judgment.alone.p50_ms,
        "latency_p95_ms": judgment.alone.p95_ms,
        "holdout_rows": len(judgment.quality.rows),
    }
    return json.dumps(figures, indent=2) + "\n"
