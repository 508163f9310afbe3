"""What fitting and evaluation read of a dataset: e-mails with their labels, and the fold that each belongs to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from libs.common.domain.dataset import Split
from libs.common.domain.triage import Email
from libs.common.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# Accuracy on so many is known to a point; each costs the transformer 20 ms.
_MOST_JUDGED = 2000


@dataclass(frozen=True, slots=True)
class Origin:
    """What a dataset says of a row besides: its name (``row_id``), where it came from, and its language."""

    name: str
    source: str
    language: str


@dataclass(frozen=True)
class Examples:
    """Labelled e-mails; rows of one thread share a fold, so that a fold can judge what the others taught.

    ``origins`` has one entry an e-mail, or none where they come from no dataset.
    """

    emails: tuple[Email, ...]
    labels: tuple[str, ...]
    folds: tuple[int, ...]
    origins: tuple[Origin, ...] = ()

    def __len__(self) -> int:
        return len(self.emails)

    @property
    def classes(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(sorted(set(self.labels)))

    def named(self, rows: Sequence[int] | NDArray[np.int64]) -> tuple[str, ...]:
        """How the dataset calls the given rows; by their place where they come from none."""
        return tuple((self.origins[int(row)].name if self.origins else "") or f"#{int(row)}" for row in rows)

    def numbers(self, classes: tuple[str, ...]) -> NDArray[np.int64]:
        """(n,) the place of each row's label among ``classes``."""
        place = {label: number for number, label in enumerate(classes)}
        return np.fromiter((place[label] for label in self.labels), dtype=np.int64, count=len(self))

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Examples":
        """The given rows, in the given order."""
        chosen = [int(row) for row in rows]
        return Examples(
            tuple(self.emails[row] for row in chosen),
            tuple(self.labels[row] for row in chosen),
            tuple(self.folds[row] for row in chosen),
            tuple(self.origins[row] for row in chosen) if self.origins else (),
        )


def read_examples(dataset_folder: Path, split: Split) -> Examples:
    """One part of a committed dataset, in the order of its rows."""
    import pyarrow.parquet as pq

    from apps.training.datasets.rows import TABLE, emails_of

    table = pq.read_table(dataset_folder / TABLE)
    part = table.take([row for row, name in enumerate(table["split"].to_pylist()) if name == split])
    # The holdout has no folds.
    folds = (0 if fold is None else int(fold) for fold in part["fold"].to_pylist())
    return Examples(tuple(emails_of(part)), tuple(map(str, part["label"].to_pylist())), tuple(folds), _origins(part))


def _origins(part: "pa.Table") -> tuple[Origin, ...]:
    """Versions built before a column existed have it empty."""
    empty = [""] * len(part)
    columns = (part[name].to_pylist() if name in part.column_names else empty for name in ("row_id", "source", "language"))
    return tuple(Origin(*(value or "" for value in values)) for values in zip(*columns, strict=True))


def require_classes(examples: Examples, where: str) -> None:
    """DataError where there is nothing to tell apart, or too little to learn a class from."""
    counts = Counter(examples.labels)
    if len(counts) < 2:
        found = f"only the label '{next(iter(counts))}'" if counts else "no rows"
        raise DataError(f"{where}: the training rows hold {found}", "a classifier needs e-mails of two labels or more")
    if rare := sorted(label for label, count in counts.items() if count < 2):
        raise DataError(
            f"{where}: {', '.join(rare)} has one training row", "add e-mails of that label, or merge it with another"
        )


def set_aside(examples: Examples, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to judge: the lowest fold, of it 2 000 rows at most; none where a label would be unknown.

    They are the same for every family, so that their answers can be compared row by row.
    """
    folds = np.asarray(examples.folds, dtype=np.int64)
    aside = folds == folds.min()
    everything = np.arange(len(examples))
    rest = {label for label, out in zip(examples.labels, aside, strict=True) if not out}
    if rest != set(examples.labels):
        return everything, everything[:0]
    judged = everything[aside]
    return everything[~aside], judged[stratified_sample(examples.take(judged), _MOST_JUDGED, seed)]


def led_by_fold(examples: Examples, place: int) -> Examples:
    """The same rows, their folds renumbered so that the one at ``place`` is the lowest: the one that a fit sets aside."""
    order = sorted(set(examples.folds))
    number = {fold: (at - place) % len(order) for at, fold in enumerate(order)}
    return replace(examples, folds=tuple(number[fold] for fold in examples.folds))


def stratified_sample(examples: Examples, size: int, seed: int) -> NDArray[np.int64]:
    """At most ``size`` rows in which each label keeps its share, but none falls below 16 rows or what there is of it."""
    if len(examples) <= size:
        return np.arange(len(examples))
    classes = examples.classes
    numbers = examples.numbers(classes)
    counts = np.bincount(numbers, minlength=len(classes))
    quota = np.minimum(counts, np.maximum((counts * size / len(examples)).astype(np.int64), 16))
    generator = np.random.default_rng(seed)
    chosen = [generator.permutation(np.flatnonzero(numbers == each))[: quota[each]] for each in range(len(classes))]
    return np.sort(np.concatenate(chosen))
