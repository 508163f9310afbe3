"""An ONNX graph over the tokens of texts, run by ONNX Runtime: the scores of a classifier or of each token, or embeddings."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from libs.common.features.tokens import TOKENIZER, Tokens, encode, read_tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

NETWORK = "network.onnx"

Array = NDArray[np.float32]
Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class TextNetwork:
    """A graph (n, t) ids and mask → (n, columns), or (n, t, columns) where it answers token by token.

    ``files`` is the folder that holds it and its tokenizer.json. Each text is run alone, so that its answer is the same to
    the last bit whatever it came with: padding changes the order of sums, and an int8 graph scales what flows through it
    by the largest number in the batch. On a CPU a batch would save next to nothing (ADR 37).
    """

    files: Path
    max_tokens: int
    threads: int = 1
    precision: Precision = "fp32"

    def answer(self, texts: Sequence[str]) -> Array:
        """(n, columns) of what the graph says."""
        answers = np.empty((len(texts), self.columns), dtype=np.float32)
        for row, tokens in enumerate(encode(self.tokenizer, texts, self.max_tokens)):
            answers[row] = self._run(tokens)
        return answers

    def answer_tokens(self, encoded: Sequence[Tokens]) -> list[Array]:
        """Of each text the (t, columns) that the graph says of its tokens."""
        return [self._run(tokens) for tokens in encoded]

    @cached_property
    def columns(self) -> int:
        """How many numbers the graph gives a text, or a token; asking loads and tries the graph."""
        return self._run(*encode(self.tokenizer, [""], self.max_tokens)).shape[-1]

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """What cuts a text into the tokens that the graph knows."""
        return read_tokenizer(self.files / TOKENIZER, self.max_tokens)

    def save(self, folder: Path) -> None:
        """Copy the graph and the tokenizer."""
        for name in (NETWORK, TOKENIZER):
            shutil.copyfile(self.files / name, folder / name)

    def _run(self, tokens: Tokens) -> Array:
        ids = np.array([tokens], dtype=np.int64)
        (answers,) = cast("list[Array]", self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)}))
        return answers[0]

    @cached_property
    def _session(self) -> "InferenceSession":
        import onnxruntime

        settings = onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue] (a C class, hidden from types)
        settings.intra_op_num_threads = self.threads
        settings.inter_op_num_threads = 1
        # Threads that spin while they wait take a shared machine's other core from serving.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(self.files / NETWORK, settings, providers=["CPUExecutionProvider"])
