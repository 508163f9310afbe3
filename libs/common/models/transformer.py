"""A fine-tuned transformer, run by ONNX Runtime: no torch and no transformers at prediction."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email
from libs.common.errors import ModelCorrupt
from libs.common.features.cleaning import clean
from libs.common.models.base import Probabilities
from libs.common.stats.calibration import softmax

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

NETWORK = "network.onnx"
TOKENIZER = "tokenizer.json"

# Larger batches are slower on CPU: 65 e-mails/s at 8, 54 at 32, and one of 32 takes 270 ms alone.
BATCH = 8
# No 128 tokens of real mail span more characters; what lies past them costs tokenizing time only.
CHARS_PER_TOKEN = 16

Tokens = list[int]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TransformerClassifier:
    """Reads subject and text as one sequence; ``files`` is the folder that holds the ONNX graph and its tokenizer.json."""

    family: ClassVar[str] = "transformer"

    labels: tuple[str, ...]
    files: Path
    max_tokens: int
    temperature: float = 1.0
    threads: int = 1

    @property
    def options(self) -> dict[str, JsonValue]:
        """The length to which texts are cut, and the temperature."""
        return {"max_tokens": self.max_tokens, "temperature": self.temperature}

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities."""
        return softmax(self.logits(emails), self.temperature)

    def logits(self, emails: Sequence[Email]) -> Floats:
        """(n, k) scores before the temperature; batches hold texts of like length, so that little is padding."""
        encoded = encode(self._tokenizer, emails, self.max_tokens)
        scores = np.empty((len(emails), len(self.labels)), dtype=np.float64)
        for rows in length_batches([len(tokens) for tokens in encoded], BATCH):
            ids, mask = pad([encoded[row] for row in rows])
            scores[rows] = cast("Floats", self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0])
        return scores

    def save(self, folder: Path) -> None:
        """Copy the network and the tokenizer."""
        for name in (NETWORK, TOKENIZER):
            shutil.copyfile(self.files / name, folder / name)

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        return read_tokenizer(self.files / TOKENIZER, self.max_tokens)

    @cached_property
    def _session(self) -> "InferenceSession":
        import onnxruntime

        settings = onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue] (a C class, hidden from types)
        settings.intra_op_num_threads = self.threads
        settings.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self.files / NETWORK, settings, providers=["CPUExecutionProvider"])


def load_transformer(
    folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int
) -> TransformerClassifier:
    """Read what ``save`` wrote, ready to predict with ``threads`` threads; ModelCorrupt where the graph has another shape."""
    classifier = TransformerClassifier(
        labels,
        folder,
        int(cast("int", options["max_tokens"])),
        float(cast("float", options["temperature"])),
        threads,
    )
    columns = classifier.logits([Email(message_id="", sender="", subject="warm", body="up")]).shape[1]
    if columns != len(labels):
        raise ModelCorrupt(f"{folder / NETWORK}: answers {columns} columns for {len(labels)} labels", "train the model again")
    return classifier


def read_tokenizer(path: Path, max_tokens: int) -> "Tokenizer":
    """The tokenizer of a tokenizer.json, cutting at ``max_tokens`` and padding nothing."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: "Tokenizer", emails: Sequence[Email], max_tokens: int) -> list[Tokens]:
    """The token numbers of each e-mail, one at a time: a batch would take every core of the machine."""
    return [tokenizer.encode(text_of(email)[: max_tokens * CHARS_PER_TOKEN]).ids for email in emails]


def text_of(email: Email) -> str:
    """What the transformer reads: the subject, then the sender's own text, then what they quote."""
    return clean(email).whole


def length_batches(lengths: Sequence[int], size: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers in batches of at most ``size``, shortest texts first."""
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]


def pad(batch: Sequence[Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n, longest) token numbers, zero where there is none, and the mask that says where."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
