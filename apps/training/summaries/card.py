"""The model card of a summarizer: `card_front` above, the same for people below."""

from dataclasses import dataclass

from apps.training.evaluation.evaluate import BATCH
from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.front import card_front
from apps.training.packaging.provenance import Provenance
from apps.training.summaries.judge import Judgment, figures_of
from libs.common.models.base import Summarizer

TASK = "summarization"
INTENDED_USE = "Showing people what a mail is about before they open it. Not a record of what was written."
LIMITS = (
    "Learned from the reference lines of its training data only; mail in other languages or of other kinds is a guess. "
    "ROUGE counts shared words with a reference, stemmed: it does not say whether a line is true."
)


@dataclass(frozen=True)
class JudgedSummarizer:
    """A summarizer with all that is said of it."""

    summarizer: Summarizer
    judgment: Judgment
    footprint: Footprint


def summarizer_card(judged: JudgedSummarizer, provenance: Provenance) -> str:
    """The card as Markdown below its YAML."""
    found = judged.judgment.quality.rouge.items()
    metrics = [{"type": kind.lower(), "value": round(figure.value, 4)} for kind, figure in found]
    front = card_front(TASK, metrics, figures_of(judged.judgment), provenance, judged.footprint)
    return front + _card_text(judged, provenance)


def _card_text(judged: JudgedSummarizer, provenance: Provenance) -> str:
    judgment, measured, training = judged.judgment, judged.footprint, provenance.training
    quality = judgment.quality
    rouge = "\n".join(
        f"| {kind} F (95 % interval) | {figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f}) |"
        for kind, figure in quality.rouge.items()
    )
    return f"""
# {provenance.model_name} ({provenance.family})

Gives an e-mail one line that says what it is about.

**Intended use.** {INTENDED_USE}
**Limits.** {LIMITS}

| figure on {len(quality.rows)} e-mails never trained on | value |
|---|---|
{rouge}
| words a line | {quality.words:.1f} |
| words that stand in the e-mail | {quality.copy_rate:.1%} |
| empty lines | {quality.empty:.1%} |
| latency alone, p50 · p95 | {judgment.alone.p50_ms:.1f} · {judgment.alone.p95_ms:.1f} ms |
| latency of {BATCH}, p50 · p95 | {judgment.batched.p50_ms:.1f} · {judgment.batched.p95_ms:.1f} ms |
| size · memory it adds to a process | {measured.size_bytes / 10**6:.1f} · {measured.memory_bytes / 10**6:.0f} MB |

Trained {training.training_date:%Y-%m-%d} on {provenance.dataset.tag} (`{training.dataset_digest[:12]}`), seed {training.seed},
in {training.training_duration_hours * 60:.1f} minutes.
"""
