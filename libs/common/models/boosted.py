"""Gradient-boosted trees over embeddings, the SVD of TF-IDF and metadata: XGBoost and ONNX Runtime, no fitting library."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email
from libs.common.errors import ModelCorrupt
from libs.common.features.extraction import METADATA
from libs.common.features.mail_features import Array, MailFeatures, read_features
from libs.common.models.base import Probabilities, require_features
from libs.common.stats.calibration import softmax

if TYPE_CHECKING:
    from xgboost import Booster

TREES = "trees.ubj"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BoostedClassifier:
    """Trees over `MailFeatures`; ``trees`` is the booster in XGBoost's own UBJSON."""

    family: ClassVar[str] = "boosted"

    labels: tuple[str, ...]
    features: MailFeatures
    trees: bytes
    temperature: float = 1.0

    @property
    def options(self) -> dict[str, JsonValue]:
        """The length to which texts are cut, the temperature, and the names of the metadata features."""
        max_tokens = self.features.encoder.max_tokens
        return {"max_tokens": max_tokens, "temperature": self.temperature, "metadata": list(METADATA)}

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
        return softmax(self.logits(self.features.of(emails)), self.temperature)

    def logits(self, rows: Array) -> Floats:
        """(n, k) scores of rows of features, before the temperature."""
        if not len(rows):
            return np.empty((0, len(self.labels)))
        return self._booster.inplace_predict(rows, predict_type="margin").astype(np.float64)

    def save(self, folder: Path) -> None:
        """Write the trees and what the features are made of."""
        (folder / TREES).write_bytes(self.trees)
        self.features.save(folder)

    @cached_property
    def _booster(self) -> "Booster":
        from xgboost import Booster

        # The rows of a request are few, and a second thread that spins while it waits takes a core from the encoder.
        return Booster({"nthread": 1}, model_file=bytearray(self.trees))


def load_boosted(folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int) -> BoostedClassifier:
    """Read what ``save`` wrote, its encoder with ``threads`` threads; ModelCorrupt where its files do not fit together."""
    require_features(options, {"metadata": list(METADATA)}, folder)
    features = read_features(folder, int(cast("int", options["max_tokens"])), threads)
    temperature = float(cast("float", options["temperature"]))
    classifier = BoostedClassifier(labels, features, (folder / TREES).read_bytes(), temperature)
    try:
        columns = classifier.logits(features.of([Email(message_id="", sender="", subject="warm", body="up")])).shape[1]
    except ValueError as error:  # XGBoost's own error is one, too
        raise ModelCorrupt(f"{folder / TREES}: {str(error).splitlines()[0]}", "train the model again") from error
    if columns != len(labels):
        raise ModelCorrupt(f"{folder / TREES}: tells {columns} classes apart, there are {len(labels)}", "train the model again")
    return classifier
