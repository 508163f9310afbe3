"""A light classifier answers where it is sure, a heavy one is asked about the rest.

Viola & Jones, Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001, in two stages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from libs.common.domain.triage import Email
from libs.common.errors import ModelError
from libs.common.models.base import Classifier, Probabilities
from libs.common.models.tabular import load_tabular
from libs.common.models.transformer import load_transformer

LIGHT, HEAVY = "light", "heavy"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Below which confidence of the light classifier the heavy one is asked, and what its answer then weighs, 0…1.

    ``share`` of the mail went on, and ``agreement`` of the labels were those of both together, where this was chosen.
    """

    threshold: float
    weight: float
    share: float
    agreement: float


@dataclass(frozen=True)
class CascadeClassifier:
    """``light`` on every e-mail, and ``heavy`` where that is less sure than the threshold; both know the same labels.

    Whether an e-mail goes on depends on itself alone, never on what else is in its batch.
    """

    family: ClassVar[str] = "cascade"

    light: Classifier
    heavy: Classifier
    escalation: Escalation

    def __post_init__(self) -> None:
        if self.light.labels != self.heavy.labels:
            found = f"the light classifier knows {', '.join(self.light.labels)}, the heavy one {', '.join(self.heavy.labels)}"
            raise ModelError(f"a cascade of different labels: {found}", "fit both on the same rows")

    @property
    def labels(self) -> tuple[str, ...]:
        """What both may answer."""
        return self.light.labels

    @property
    def threshold(self) -> float:
        """The confidence from which on the light classifier answers alone."""
        return self.escalation.threshold

    @property
    def options(self) -> dict[str, JsonValue]:
        """When the heavy classifier is asked, and the options of both."""
        chosen = self.escalation
        return {
            "threshold": chosen.threshold,
            "weight": chosen.weight,
            "share": chosen.share,
            "agreement": chosen.agreement,
            LIGHT: self.light.options,
            HEAVY: self.heavy.options,
        }

    @property
    def batch_size(self) -> int:
        """That of the light classifier, which sees every e-mail."""
        return self.light.batch_size

    @property
    def holds_interpreter(self) -> bool:
        """Its stages differ; whoever runs them apart asks each."""
        return False

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        """(n, k) probabilities."""
        probabilities = self.light.predict(emails)
        rows = np.flatnonzero(self.unsure(probabilities))
        if len(rows):
            probabilities[rows] = self.blend(probabilities[rows], self.heavy.predict([emails[row] for row in rows.tolist()]))
        return probabilities

    def escalated(self, emails: Sequence[Email]) -> NDArray[np.bool_]:
        """(n,) whether the heavy classifier is asked about each."""
        return self.unsure(self.light.predict(emails))

    def unsure(self, light: Probabilities) -> NDArray[np.bool_]:
        """(n,) whether the heavy classifier is to be asked, by what the light one says (n, k)."""
        return light.max(axis=1) < self.threshold

    def blend(self, light: Probabilities, heavy: Probabilities) -> Probabilities:
        """(n, k) the answer where both have said something: their weighted mean."""
        return blend(light, heavy, self.escalation.weight)

    def save(self, folder: Path) -> None:
        """Write each classifier's files into a folder of its own."""
        for name, part in ((LIGHT, self.light), (HEAVY, self.heavy)):
            (folder / name).mkdir()
            part.save(folder / name)


def blend(light: Probabilities, heavy: Probabilities, weight: float) -> Probabilities:
    """(n, k) mean of both, ``heavy`` weighing ``weight`` of 1."""
    return weight * heavy + (1 - weight) * light


def load_cascade(folder: Path, labels: tuple[str, ...], options: dict[str, JsonValue], threads: int) -> CascadeClassifier:
    """Read what ``save`` wrote: a tabular classifier in front of a transformer, which predicts with ``threads`` threads."""
    light, heavy = (cast("dict[str, JsonValue]", options[name]) for name in (LIGHT, HEAVY))
    chosen = (float(cast("float", options[name])) for name in ("threshold", "weight", "share", "agreement"))
    return CascadeClassifier(
        load_tabular(folder / LIGHT, labels, light, threads),
        load_transformer(folder / HEAVY, labels, heavy, threads),
        Escalation(*chosen),
    )
