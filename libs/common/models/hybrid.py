"""A linear classifier over TF-IDF, metadata and the embedding of the text: the tabular family, and an encoder beside it."""

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
from libs.common.features.text_network import TextNetwork
from libs.common.models.base import Probabilities
from libs.common.models.tabular import TabularClassifier, load_tabular
from libs.common.stats.calibration import softmax

TABULAR, ARRAY = "tabular", "embeddings.safetensors"

Array = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HybridClassifier:
    """``tabular`` scores terms, grams and metadata; ``embeddings`` (d, k) weighs what ``encoder`` says of the text."""

    family: ClassVar[str] = "hybrid"

    tabular: TabularClassifier
    encoder: TextNetwork
    embeddings: Array
    temperature: float = 1.0

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories, in the order of the columns of ``predict``."""
        return self.tabular.labels

    @property
    def options(self) -> dict[str, JsonValue]:
        """The length to which texts are cut, the temperature, and the options of the tabular part."""
        return {"max_tokens": self.encoder.max_tokens, "temperature": self.temperature, TABULAR: self.tabular.options}

    @property
    def batch_size(self) -> int:
        """Its encoder runs e-mails one by one, some 10 ms each: in a batch the first would wait for the last."""
        return 1

    @property
    def holds_interpreter(self) -> bool:
        """It leaves the interpreter for its encoder."""
        return False

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities."""
        return softmax(self.logits(emails), self.temperature)

    def logits(self, emails: Sequence[Email]) -> Floats:
        """(n, k) scores before the temperature."""
        if not emails:
            return np.empty((0, len(self.labels)))
        embedded = self.encoder.answer([clean(email).whole for email in emails])
        # Row by row: a product of matrices adds up in another order than one of a row, and the last bit would tell.
        return self.tabular.logits(emails) + np.stack([row @ self.embeddings for row in embedded])

    def save(self, folder: Path) -> None:
        """Write the encoder, its weights, and the tabular part into a folder of its own."""
        from safetensors.numpy import save_file

        (folder / TABULAR).mkdir()
        self.tabular.save(folder / TABULAR)
        self.encoder.save(folder)
        save_file({"embeddings": np.ascontiguousarray(self.embeddings)}, folder / ARRAY)


def load_hybrid(folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int) -> HybridClassifier:
    """Read what ``save`` wrote, its encoder with ``threads`` threads; ModelCorrupt where its files do not fit together."""
    from safetensors.numpy import load_file

    tabular = load_tabular(folder / TABULAR, labels, cast("dict[str, JsonValue]", options[TABULAR]), threads)
    encoder = TextNetwork(folder, int(cast("int", options["max_tokens"])), threads)
    embeddings = load_file(folder / ARRAY)["embeddings"]
    if embeddings.shape != (encoder.columns, len(labels)):
        raise ModelCorrupt(
            f"{folder / ARRAY}: weights of shape {embeddings.shape} for {encoder.columns} dimensions and {len(labels)} classes",
            "train the model again",
        )
    return HybridClassifier(tabular, encoder, embeddings, float(cast("float", options["temperature"])))
