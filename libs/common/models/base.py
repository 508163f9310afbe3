"""What every classifier and every summarizer is: what it answers, and the files it is written to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email, Prediction, Summary
from libs.common.errors import ModelError

Probabilities = NDArray[np.float64]


class Classifier(Protocol):
    """A fitted classifier; its features live inside it, so that training and serving cannot differ."""

    family: ClassVar[str]
    """The name under which ``models.artifact`` finds the class that reads it back."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories, in the order of the columns of ``predict``."""
        ...

    @property
    def options(self) -> dict[str, JsonValue]:
        """What besides the files is needed to read it back."""
        ...

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities, each row summing to 1."""
        ...

    def save(self, folder: Path) -> None:
        """Write the family's files into ``folder``; never pickle."""
        ...


class Summarizer(Protocol):
    """A fitted summarizer: it gives an e-mail one line."""

    family: ClassVar[str]
    """The name under which ``models.artifact`` finds the class that reads it back."""

    @property
    def options(self) -> dict[str, JsonValue]:
        """What besides the files is needed to read it back."""
        ...

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        """One `Summary` an e-mail, in their order; its text is empty where the e-mail says nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write the family's files into ``folder``; never pickle."""
        ...


def answers(labels: tuple[str, ...], probabilities: Probabilities) -> list[Prediction]:
    """One `Prediction` a row of ``probabilities``."""
    return [
        Prediction(labels[best], float(row[best]), dict(zip(labels, row.tolist(), strict=True)))
        for row, best in zip(probabilities, probabilities.argmax(axis=1).tolist(), strict=True)
    ]


def require_features(options: Mapping[str, JsonValue], computed: Mapping[str, JsonValue], folder: Path) -> None:
    """ModelError where the model in ``folder`` was fitted on other features than this code computes; both by their kind."""
    for kind, ours in computed.items():
        if (theirs := options.get(kind)) != ours:
            raise ModelError(
                f"{folder}: was fitted on the {kind} features {theirs}, this code computes {ours}",
                "train the model again with this code, or serve it with the code that trained it",
            )
