"""Fine-tunes T5 or GPT with LoRA on Ray Train: the driver's side.

Ray must be connected already, by whichever front door runs this.
"""

from functools import partial
from pathlib import Path

import numpy as np

from apps.training.fitting.ray_train import run_config, scaling, train
from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.generative_worker import learn
from apps.training.summaries.lesson import WritingLesson
from apps.training.summaries.pretrained import find_pretrained
from libs.common.config.training import GenerativeFamily
from libs.common.errors import DataError
from libs.common.features.prompts import Prompts
from libs.common.models.extractive import told
from libs.common.models.generative import GenerativeSummarizer, GptSummarizer, T5Summarizer


def fit_t5(
    examples: SummaryExamples, options: GenerativeFamily, seed: int, workspace: Path, threads: int = 2
) -> GenerativeSummarizer:
    """Fit on a sample; the summarizer's files stay in ``workspace``, which must outlive it."""
    return _fit(T5Summarizer, examples, options, seed, workspace, threads)


def fit_gpt(
    examples: SummaryExamples, options: GenerativeFamily, seed: int, workspace: Path, threads: int = 2
) -> GenerativeSummarizer:
    """As `fit_t5`."""
    return _fit(GptSummarizer, examples, options, seed, workspace, threads)


def _fit(
    kind: type[GenerativeSummarizer],
    examples: SummaryExamples,
    options: GenerativeFamily,
    seed: int,
    workspace: Path,
    threads: int,
) -> GenerativeSummarizer:
    lesson = write_lesson(kind, examples.sample(options.max_emails, seed), options, seed, workspace)
    files = _train(lesson, workspace)
    return kind(files, options.max_tokens, options.max_new_tokens, lesson.base.eos, threads)


def write_lesson(
    kind: type[GenerativeSummarizer], examples: SummaryExamples, options: GenerativeFamily, seed: int, workspace: Path
) -> WritingLesson:
    """Each e-mail that says something with the first of its reference lines, as the tokens of the configured model."""
    longest = options.max_tokens + (options.max_new_tokens if kind.form.continues else 0)
    found = find_pretrained(options.model, kind.form, longest, workspace)
    prompts = Prompts(found.tokenizer, kind.form, options.max_tokens, found.eos)
    texts = [told(email) for email in examples.emails]
    said = [row for row, text in enumerate(texts) if text]
    if not said:
        raise DataError(f"none of the {len(texts)} e-mails says anything", "check which column holds the body")
    read = prompts.read([texts[row] for row in said])
    lines = (prompts.write(examples.references[row][0], options.max_new_tokens) for row in said)
    return WritingLesson(
        tuple(np.array(tokens, dtype=np.int32) for tokens in read),
        tuple(np.array(tokens, dtype=np.int32) for tokens in lines),
        kind.form,
        found,
        options,
        seed,
    )


def _train(lesson: WritingLesson, workspace: Path) -> Path:
    """Run Ray Train; returns the folder of the merged model, its tokenizer and its adapter."""
    from apps.training.fitting.lean_trainer import LeanTrainer, by_torch

    options = lesson.options
    booked = scaling(options.workers, options.use_gpu)
    trainer = LeanTrainer(partial(learn, lesson), by_torch, booked, run_config(workspace))
    return train(trainer, f"fine-tuning '{options.model}'", workspace)
