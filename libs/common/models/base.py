"""What every classifier and every summarizer is: what it answers, and the files it is written to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

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

    @property
    def batch_size(self) -> int:
        """With how many e-mails at once it is quickest; more would only make the first of them wait for the last."""
        ...

    @property
    def holds_interpreter(self) -> bool:
        """Whether it is Python for most of its time: on a thread of its own, nothing else would run beside it."""
        ...

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities, each row summing to 1."""
        ...

    def save(self, folder: Path) -> None:
        """Write the family's files into ``folder``; never pickle."""
        ...


@runtime_checkable
class Staged(Protocol):
    """A classifier whose ``predict`` is two stages, for whoever runs them apart: he gets the same numbers."""

    @property
    def light(self) -> Classifier:
        """The first stage, which answers most e-mails."""
        ...

    @property
    def heavy(self) -> Classifier:
        """The second, slower stage."""
        ...

    def unsure(self, light: Probabilities) -> NDArray[np.bool_]:
        """(n,) whether the second stage is to be asked, by what the first one says (n, k)."""
        ...

    def blend(self, light: Probabilities, heavy: Probabilities) -> Probabilities:
        """(n, k) the answers where both have said something."""
        ...


@runtime_checkable
class Summarizer(Protocol):
    """A fitted summarizer: it gives an e-mail one line."""

    family: ClassVar[str]
    """The name under which ``models.artifact`` finds the class that reads it back."""

    @property
    def options(self) -> dict[str, JsonValue]:
        """What besides the files is needed to read it back."""
        ...

    @property
    def batch_size(self) -> int:
        """With how many e-mails at once it is quickest; more would only make the first of them wait for the last."""
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
