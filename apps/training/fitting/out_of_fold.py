"""What a fit hands over: the classifier, and its answers to a fold that it had not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples, set_aside
from apps.training.fitting.precision import Trial
from libs.common.domain.triage import Email
from libs.common.models.base import Classifier
from libs.common.stats.calibration import fit_temperature

C_co = TypeVar("C_co", bound=Classifier, covariant=True)
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class OutOfFold:
    """Answers to rows that a fit had not seen: their places among the examples and their class numbers (n,), logits (n, k)."""

    rows: NDArray[np.int64]
    truth: NDArray[np.int64]
    logits: Floats

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(n,) class numbers."""
        return self.logits.argmax(axis=1).astype(np.int64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether each answer is."""
        return self.predicted == self.truth

    @property
    def temperature(self) -> float:
        """What makes these answers mean what they say; 1 without one."""
        return fit_temperature(self.logits, self.truth)


@dataclass(frozen=True)
class Fitted(Generic[C_co]):
    """A classifier with what it, or a fit like it but for these rows, answers to rows it had not seen; maybe to none.

    ``int8`` is what came of compressing it, where that was tried.
    """

    classifier: C_co
    aside: OutOfFold
    int8: Trial | None = None


def answers_to(
    examples: Examples, rows: NDArray[np.int64], classes: tuple[str, ...], logits: Callable[[Sequence[Email]], Floats]
) -> OutOfFold:
    """What a fit that has not seen ``rows`` of the examples answers to them; logits in the order of ``classes``."""
    judged = examples.take(rows)
    return OutOfFold(rows, judged.numbers(classes), logits(judged.emails))


class Tempered(Classifier, Protocol):
    """A classifier, frozen, whose scores are divided by a ``temperature`` of its own."""

    def logits(self, emails: Sequence[Email]) -> Floats:
        """(n, k) scores before the temperature."""
        ...


T = TypeVar("T", bound=Tempered)


def fit_twice(fit: Callable[[Numbers], T], examples: Examples, seed: int) -> Fitted[T]:
    """``fit`` on all rows, with the temperature of what a fit without the fold aside answers to it."""
    whole = fit(np.arange(len(examples)))
    learn, judge = set_aside(examples, seed)
    part = fit(learn) if len(judge) else whole
    aside = answers_to(examples, judge, whole.labels, part.logits)
    return Fitted(cast("T", replace(cast("Any", whole), temperature=aside.temperature)), aside)


def joined(parts: Sequence[OutOfFold]) -> OutOfFold:
    """The answers to several folds one after the other; each part has the same classes."""
    names = ("rows", "truth", "logits")
    return OutOfFold(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
