"""An ONNX graph over the tokens of texts, run by ONNX Runtime: the scores of a classifier or of each token, or embeddings."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from libs.common.features.tokens import TOKENIZER, Tokens, encode, length_batches, pad, read_tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

NETWORK = "network.onnx"

# Larger batches are slower on CPU: 65 e-mails/s at 8, 54 at 32, and one of 32 takes 270 ms alone.
BATCH = 8

Array = NDArray[np.float32]
Precision = Literal["fp32", "int8"]


@dataclass(frozen=True)
class TextNetwork:
    """A graph (n, t) ids and mask → (n, columns), or (n, t, columns) where it answers token by token.

    ``files`` is the folder that holds it and its tokenizer.json.
    """

    files: Path
    max_tokens: int
    threads: int = 1
    precision: Precision = "fp32"

    def answer(self, texts: Sequence[str]) -> Array:
        """(n, columns) of what the graph says; batches hold texts of like length, so that little is padding."""
        encoded = encode(self.tokenizer, texts, self.max_tokens)
        answers = np.empty((len(texts), self.columns), dtype=np.float32)
        for rows in length_batches([len(tokens) for tokens in encoded], self._batch):
            answers[rows] = self._run([encoded[row] for row in rows])
        return answers

    def answer_tokens(self, encoded: Sequence[Tokens]) -> list[Array]:
        """Of each text the (t, columns) that the graph says of its tokens."""
        answers = [np.empty((0, 0), dtype=np.float32)] * len(encoded)
        for rows in length_batches([len(tokens) for tokens in encoded], BATCH):
            for row, answer in zip(rows.tolist(), self._run([encoded[row] for row in rows]), strict=True):
                answers[row] = answer[: len(encoded[row])]
        return answers

    @cached_property
    def columns(self) -> int:
        """How many numbers the graph gives a text, or a token; asking loads and tries the graph."""
        return self._run(encode(self.tokenizer, [""], self.max_tokens)).shape[-1]

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """What cuts a text into the tokens that the graph knows."""
        return read_tokenizer(self.files / TOKENIZER, self.max_tokens)

    def save(self, folder: Path) -> None:
        """Copy the graph and the tokenizer."""
        for name in (NETWORK, TOKENIZER):
            shutil.copyfile(self.files / name, folder / name)

    @property
    def _batch(self) -> int:
        # An int8 graph scales what flows through it by the largest number in the batch: a text's answer would hang on its
        # neighbours.
        return 1 if self.precision == "int8" else BATCH

    def _run(self, batch: Sequence[Tokens]) -> Array:
        ids, mask = pad(batch)
        return cast("Array", self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0])

    @cached_property
    def _session(self) -> "InferenceSession":
        import onnxruntime

        settings = onnxruntime.SessionOptions()  # pyright: ignore[reportAttributeAccessIssue] (a C class, hidden from types)
        settings.intra_op_num_threads = self.threads
        settings.inter_op_num_threads = 1
        # Threads that spin while they wait take a shared machine's other core from serving.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(self.files / NETWORK, settings, providers=["CPUExecutionProvider"])
