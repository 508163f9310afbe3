"""A fine-tuned encoder that picks the stretch of an e-mail that says most: one ONNX graph, no torch at prediction.

The graph gives each token three numbers; the worth of a stretch of words follows from them (`span_scores`). A stretch never
leaves its sentence, so what is picked is a sentence, a clause of it, or its core.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email, Summary
from libs.common.errors import ModelCorrupt
from libs.common.features.cleaning import clean
from libs.common.features.sentences import Word, words_of
from libs.common.features.text_network import NETWORK, Array, TextNetwork
from libs.common.features.tokens import Tokens, beginning
from libs.common.features.zones import split_signature

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# A folder of the fine-tuned weights alone, as peft reads them; they are merged into the graph already.
ADAPTER = "adapter"
# What the graph says of a token: its worth as a beginning, as an end, and as a part of the stretch.
COLUMNS = 3

_LEAST_WORDS = 2
_EDGES = " \t\n,;:-–—.·•*|>\"'“”‘’()[]"


@dataclass(frozen=True)
class Passage:
    """The beginning of a text as the network reads it: tokens, words, and the first token of each word."""

    text: str
    tokens: Tokens
    words: tuple[Word, ...]
    pieces: NDArray[np.int64]


@dataclass(frozen=True)
class ExtractiveSummarizer:
    """Reads the sender's own text; the subject only where there is nothing else, since its reader sees that already."""

    family: ClassVar[str] = "extractive"

    network: TextNetwork
    most_words: int
    reference_words: float

    @property
    def options(self) -> dict[str, JsonValue]:
        """The length to which texts are cut, the longest summary in words, and how long references were on average."""
        return {
            "max_tokens": self.network.max_tokens,
            "most_words": self.most_words,
            "reference_words": self.reference_words,
        }

    @property
    def batch_size(self) -> int:
        """Its network runs e-mails one by one, some 10 ms each: in a batch the first would wait for the last."""
        return 1

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        """One line an e-mail; empty where it has no word."""
        passages = [read_passage(self.network.tokenizer, told(email), self.network.max_tokens) for email in emails]
        answers = self.network.answer_tokens([passage.tokens for passage in passages])
        return [Summary(self._pick(*both)) for both in zip(passages, answers, strict=True)]

    def save(self, folder: Path) -> None:
        """Copy the network, the tokenizer and the adapter."""
        self.network.save(folder)
        shutil.copytree(self.network.files / ADAPTER, folder / ADAPTER)

    def _pick(self, passage: Passage, answers: Array) -> str:
        if not passage.words:
            return ""
        weights = span_weights(self.most_words, self.reference_words)
        scores = span_scores(answers[passage.pieces], weights)
        scores[~spans(passage.words, self.most_words)] = -np.inf
        first, length = divmod(int(scores.argmax()), self.most_words)
        return line_of(passage.text[passage.words[first].start : passage.words[first + length].end])


def load_extractive(folder: Path, options: dict[str, JsonValue], threads: int) -> ExtractiveSummarizer:
    """Read what ``save`` wrote, ready to run with ``threads`` threads; ModelCorrupt where the graph has another shape."""
    network = TextNetwork(folder, int(cast("int", options["max_tokens"])), threads)
    if network.columns != COLUMNS:
        raise ModelCorrupt(f"{folder / NETWORK}: answers {network.columns} columns, not {COLUMNS}", "train the model again")
    return ExtractiveSummarizer(
        network, int(cast("int", options["most_words"])), float(cast("float", options["reference_words"]))
    )


def told(email: Email) -> str:
    """What an e-mail says: the sender's own text without the signature, else what they pass on, else the subject."""
    cleaned = clean(email)
    return split_signature(cleaned.text)[0] or cleaned.quoted or cleaned.subject


def read_passage(tokenizer: "Tokenizer", text: str, max_tokens: int) -> Passage:
    """Cut a text into tokens and words; words past the last token are left out."""
    text = beginning(text, max_tokens)
    encoding = tokenizer.encode(text)
    # The first and the last token are the tokenizer's own.
    offsets = encoding.offsets[1:-1]
    reach = offsets[-1][1] if offsets else 0
    words = tuple(word for word in words_of(text) if word.start < reach)
    starts = np.array([start for start, _ in offsets], dtype=np.int64)
    pieces = np.searchsorted(starts, np.array([word.start for word in words], dtype=np.int64))
    return Passage(text, encoding.ids, words, np.minimum(pieces, len(offsets) - 1) + 1)


def spans(words: Sequence[Word], most_words: int) -> NDArray[np.bool_]:
    """(w, most): whether so many words (1, 2, …) from each on are a stretch; a single word only where it is the sentence."""
    sentences = np.array([word.sentence for word in words], dtype=np.int64)
    first, last = _bounds(len(words), most_words)
    inside = (first + np.arange(most_words) < len(words)) & (sentences[first] == sentences[last])
    alone = np.bincount(sentences)[sentences] < _LEAST_WORDS
    inside[:, : _LEAST_WORDS - 1] &= alone[:, None]
    return inside


def span_weights(most_words: int, reference_words: float) -> NDArray[np.float32]:
    """(most,) what a hit adds to the F-measure of so many words against a reference of so many: 2 / (words + reference)."""
    return (2 / (np.arange(1, most_words + 1) + reference_words)).astype(np.float32)


def span_scores(answers: Any, weights: Any) -> Any:
    """(…, w, 3) answers of words → (…, w, most) scores of the stretches of 1, 2, … words from each on; numpy or torch.

    A score is begin(first) + end(last) + Σ part(word) · weight: the form of ROUGE's F-measure, ``weights`` from `span_weights`.
    """
    begin, end, part = answers[..., 0], answers[..., 1], answers[..., 2]
    first, last = _bounds(begin.shape[-1], len(weights))
    sums = part.cumsum(-1)
    return begin[..., first] + end[..., last] + (sums[..., last] - sums[..., first] + part[..., first]) * weights


def line_of(text: str) -> str:
    """A picked stretch as a line: white space evened out, loose punctuation gone, a capital first."""
    line = " ".join(text.split())
    line = line.strip(_EDGES) or line
    return line[:1].upper() + line[1:]


def _bounds(count: int, most_words: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(w, 1) first and (w, most) last word of each stretch, the last one clipped where there are too few."""
    first = np.arange(count)[:, None]
    return first, np.minimum(first + np.arange(most_words), count - 1)
