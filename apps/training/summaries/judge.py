"""Judges a summarizer on pairs that it never saw: ROUGE with intervals, length, what it copies, and latency."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.evaluation.evaluate import Latency, time_alone, time_batches
from apps.training.summaries.examples import SummaryExamples
from libs.common.domain.model import SummaryMetrics
from libs.common.errors import DataError
from libs.common.features.cleaning import clean
from libs.common.models.base import Summarizer
from libs.common.stats.intervals import bootstrap_means
from libs.common.stats.metrics import Interval
from libs.common.stats.rouge import KINDS, copy_rate, rouge, words


@dataclass(frozen=True)
class Quality:
    """How good lines are: mean ROUGE F by kind, words a line, the share of words that are copied, the share of empty lines.

    ``rows`` are the (n, 3) F-measures that the means rest on; intervals are 95 % bootstrap.
    """

    rouge: dict[str, Interval]
    words: float
    copy_rate: float
    empty: float
    rows: NDArray[np.float64]


@dataclass(frozen=True)
class Judgment:
    """The quality of a summarizer on a holdout, and how long it takes for one e-mail and for 32."""

    quality: Quality
    alone: Latency
    batched: Latency


def judge(summarizer: Summarizer, holdout: SummaryExamples, seed: int) -> Judgment:
    """Summarize every row once; DataError where there is none."""
    if not len(holdout):
        raise DataError("the holdout has no pair", "build the dataset with a larger holdout share, or with more e-mails")
    lines = [summary.text for summary in summarizer.summarize(holdout.emails)]
    return Judgment(
        quality=quality_of(lines, holdout, seed),
        alone=time_alone(summarizer.summarize, holdout.emails),
        batched=time_batches(summarizer.summarize, holdout.emails),
    )


def quality_of(lines: Sequence[str], holdout: SummaryExamples, seed: int) -> Quality:
    """How good the lines are that somebody wrote for the e-mails of ``holdout``, in their order."""
    rows = rouge(lines, holdout.references)
    bounds = bootstrap_means(rows, seed)
    figures = zip(KINDS, rows.mean(axis=0).tolist(), bounds, strict=True)
    copied = [copy_rate(line, clean(email).whole) for line, email in zip(lines, holdout.emails, strict=True) if line]
    return Quality(
        rouge={kind: Interval(mean, bound.low, bound.high) for kind, mean, bound in figures},
        words=float(np.mean([len(words(line)) for line in lines])),
        copy_rate=float(np.mean(copied)) if copied else 0.0,
        empty=float(np.mean([not line for line in lines])),
        rows=rows,
    )


def figures_of(judgment: Judgment) -> SummaryMetrics:
    """The figures that a version is registered with."""
    quality = judgment.quality
    one, two, longest = quality.rouge.values()
    return SummaryMetrics(
        rouge1=one.value,
        rouge2=two.value,
        rouge_l=longest.value,
        rouge1_low=one.low,
        rouge1_high=one.high,
        words=quality.words,
        copy_rate=quality.copy_rate,
        inference_latency_p95_ms=judgment.alone.p95_ms,
        holdout_rows=len(quality.rows),
    )
