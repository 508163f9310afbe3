"""Fits the extractive family with Ray Train: the driver's side.

Ray must be connected already, by whichever front door runs this.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.encoders import find_encoder
from apps.training.fitting.ray_train import run_config, scaling, train
from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.extractive_worker import SpanLesson, learn_spans
from apps.training.summaries.rewards import span_rewards
from libs.common.config.training import ExtractiveFamily
from libs.common.errors import DataError
from libs.common.features.text_network import TextNetwork
from libs.common.features.tokens import TOKENIZER, read_tokenizer
from libs.common.models.extractive import ExtractiveSummarizer, Passage, read_passage, spans, told
from libs.common.stats.rouge import words

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def fit_extractive(
    examples: SummaryExamples, options: ExtractiveFamily, seed: int, workspace: Path, threads: int = 2
) -> ExtractiveSummarizer:
    """Fit on a sample; the summarizer's files stay in ``workspace``, which must outlive it."""
    encoder = find_encoder(options.encoder)
    lesson = plan_lesson(examples.sample(options.max_emails, seed), encoder, options, seed)
    files = _train(lesson, workspace)
    return ExtractiveSummarizer(TextNetwork(files, options.max_tokens, threads), options.most_words, lesson.reference_words)


def plan_lesson(examples: SummaryExamples, encoder: Path, options: ExtractiveFamily, seed: int) -> SpanLesson:
    """Read every e-mail as the summarizer will, and reward its stretches; DataError where none is worth anything.

    An e-mail that shares no word with its reference teaches nothing and is left out.
    """
    tokenizer = read_tokenizer(encoder / TOKENIZER, options.max_tokens)
    read = [_rewarded(examples, row, tokenizer, options) for row in range(len(examples))]
    useful = [(passage, rewards) for passage, rewards in read if rewards.max(initial=-1.0) > 0]
    if not useful:
        raise DataError(
            f"none of the {len(examples)} e-mails shares a word with its reference summary",
            "check which column holds the reference lines",
        )
    lengths = [len(words(line)) for lines in examples.references for line in lines]
    return SpanLesson(
        tokens=tuple(np.array(passage.tokens, dtype=np.int32) for passage, _ in useful),
        pieces=tuple(passage.pieces for passage, _ in useful),
        rewards=tuple(rewards for _, rewards in useful),
        reference_words=round(float(np.mean(lengths)), 2),
        encoder=str(encoder),
        options=options,
        seed=seed,
    )


def _rewarded(
    examples: SummaryExamples, row: int, tokenizer: "Tokenizer", options: ExtractiveFamily
) -> tuple[Passage, NDArray[np.float16]]:
    passage = read_passage(tokenizer, told(examples.emails[row]), options.max_tokens)
    written = [passage.text[word.start : word.end] for word in passage.words]
    if not written:
        return passage, np.empty((0, options.most_words), dtype=np.float16)
    rewards = span_rewards(written, examples.references[row], options.most_words).astype(np.float16)
    return passage, np.where(spans(passage.words, options.most_words), rewards, np.float16(-1))


def _train(lesson: SpanLesson, workspace: Path) -> Path:
    """Run Ray Train; returns the folder of graph, tokenizer and adapter."""
    from apps.training.fitting.lean_trainer import LeanTrainer, by_torch

    options = lesson.options
    booked = scaling(options.workers, options.use_gpu)
    trainer = LeanTrainer(partial(learn_spans, lesson), by_torch, booked, run_config(workspace))
    return train(trainer, f"fine-tuning '{options.encoder}' to summarize", workspace)
