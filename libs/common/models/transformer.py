"""A fine-tuned transformer, run by ONNX Runtime: no torch and no transformers at prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email
from libs.common.errors import ModelCorrupt
from libs.common.features.cleaning import clean
from libs.common.features.text_network import NETWORK, Precision, TextNetwork
from libs.common.models.base import Probabilities
from libs.common.stats.calibration import softmax

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TransformerClassifier:
    """Reads subject, text and quoted text as one sequence."""

    family: ClassVar[str] = "transformer"

    labels: tuple[str, ...]
    network: TextNetwork
    temperature: float = 1.0

    @property
    def options(self) -> dict[str, JsonValue]:
        """The length to which texts are cut, the numbers that the graph computes with, and the temperature."""
        network = self.network
        return {"max_tokens": network.max_tokens, "precision": network.precision, "temperature": self.temperature}

    @property
    def batch_size(self) -> int:
        """Its network runs e-mails one by one, some 10 ms each: in a batch the first would wait for the last."""
        return 1

    @property
    def holds_interpreter(self) -> bool:
        """It leaves the interpreter for its network."""
        return False

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities."""
        return softmax(self.logits(emails), self.temperature)

    def logits(self, emails: Sequence[Email]) -> Floats:
        """(n, k) scores before the temperature."""
        return self.network.answer([clean(email).whole for email in emails]).astype(np.float64)

    def save(self, folder: Path) -> None:
        """Copy the network and the tokenizer."""
        self.network.save(folder)


def load_transformer(
    folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int
) -> TransformerClassifier:
    """Read what ``save`` wrote, ready to predict with ``threads`` threads; ModelCorrupt where the graph has another shape."""
    # Artifacts of before there was int8 say nothing of it.
    precision = cast("Precision", options.get("precision", "fp32"))
    network = TextNetwork(folder, int(cast("int", options["max_tokens"])), threads, precision)
    if network.columns != len(labels):
        raise ModelCorrupt(
            f"{folder / NETWORK}: answers {network.columns} columns for {len(labels)} labels", "train the model again"
        )
    return TransformerClassifier(labels, network, float(cast("float", options["temperature"])))
