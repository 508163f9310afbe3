"""ROUGE of a one-line summary against reference lines (Lin 2004): F-measures over stemmed words, and what was copied."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KINDS = ("rouge1", "rouge2", "rougeL")


def rouge(summaries: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """(n, 3) F-measures in 0…1, in the order of `KINDS`; of several references the best counts, for each kind by itself."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer: Any = RougeScorer(list(KINDS), use_stemmer=True)
    rows = [scorer.score_multi(list(lines), text) for text, lines in zip(summaries, references, strict=True)]
    return np.array([[row[kind].fmeasure for kind in KINDS] for row in rows], dtype=np.float64).reshape(-1, len(KINDS))


def stems(text: str) -> list[str]:
    """The words of a text as ROUGE compares them: lower case, letters and digits only, by their stem where longer than 3."""
    return [_stem(word) for word in words(text)]


def words(text: str) -> list[str]:
    """The words that ROUGE sees in a text, before they are stemmed."""
    return _tokenizer(stemmed=False).tokenize(text)


def copy_rate(summary: str, text: str) -> float:
    """The share of a summary's words that stand in the text, in 0…1; 0 where it has none."""
    told, there = words(summary), set(words(text))
    return sum(word in there for word in told) / len(told) if told else 0.0


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    return _tokenizer(stemmed=True).tokenize(word)[0]


@lru_cache(maxsize=2)
def _tokenizer(stemmed: bool) -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=stemmed)
