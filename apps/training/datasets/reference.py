"""How far a new version has drifted from the one before: KS on the features that monitoring watches, and Evidently's page."""

import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from apps.training.datasets.leaks import finding
from apps.training.datasets.rows import EMAIL_FIELDS, TABLE, emails_of
from libs.common.domain.dataset import DatasetVersion, Finding
from libs.common.errors import DataError, StoreError
from libs.common.features.drift_features import monitored_features
from libs.common.stats.drift import DriftScore, drift_score, largest_gap
from libs.common.stores.datasets import DatasetStore

DRIFT, UNCOMPARED = "drift", "no comparison"
PAGE = "drift.html"
# KS with 2 000 against 2 000 e-mails sees D = 0.06 at one in a thousand.
_MOST_ROWS, _FEWEST_ROWS = 2000, 100
_FALSE_ALARMS = 0.001
_BATCH_ROWS = 1000

Features = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Reference:
    """A committed version, checked out; where it can't be, ``file`` is None and ``problem`` says why."""

    tag: str
    rows: int
    file: Path | None
    problem: str = ""


@contextmanager
def reference_of(store: DatasetStore, name: str) -> Generator[Reference | None]:
    """The latest version of ``name`` for as long as the block lasts; None before the first."""
    known = store.list(name)
    if not known:
        yield None
        return
    latest = known[-1]
    with tempfile.TemporaryDirectory(prefix="triage-reference-") as scratch:
        yield _checked_out(store, latest, Path(scratch) / "version")


def compare(reference: Reference, rows: Path, wanted: Sequence[int], folder: Path, threshold: float) -> list[Finding]:
    """How far the ``wanted`` rows of a file drifted from ``reference``; Evidently's page of it goes into ``folder``.

    A damaged version before is a finding as well, and no reason to stop: the next one may be what mends it.
    """
    if reference.file is None:
        return [
            finding(
                UNCOMPARED, f"how far the e-mails drifted is not known: {reference.tag} can't be read: {reference.problem}", []
            )
        ]
    before, now = Sample(reference.file, range(reference.rows)), Sample(rows, wanted)
    write_drift_page(before, now, folder / PAGE)
    return drift_finding(drift_between(before, now), before, now, reference.tag, threshold)


class Sample:
    """The monitored features of some rows, drawn evenly in the order of the file, and the rows' names."""

    def __init__(self, file: Path, wanted: Sequence[int], at_most: int = _MOST_ROWS) -> None:
        """``wanted`` are the places of the rows that count, ascending."""
        step = max(1, -(-len(wanted) // at_most))
        table = _rows(file, frozenset(wanted[::step]))
        self.names: list[str] = table.column("source").to_pylist()
        measured = [monitored_features(email) for email in emails_of(table)]
        columns = measured[0] if measured else {}
        self.features: Features = {name: np.array([each[name] for each in measured]) for name in columns}


def drift_between(reference: Sample, current: Sample) -> DriftScore:
    """The drift score (0…1) of ``current``; None where either side has fewer than 100 rows."""
    return drift_score(reference.features, current.features, _FALSE_ALARMS, _FEWEST_ROWS)


def drift_finding(score: DriftScore, reference: Sample, current: Sample, tag: str, threshold: float) -> list[Finding]:
    """A finding where the score is above ``threshold``; its rows lie on the side of the gap where there are more than were."""
    if score.score is None or score.feature is None or score.score <= threshold:
        return []
    before, now = reference.features[score.feature], current.features[score.feature]
    _, gap = largest_gap(before, now)
    below = now <= gap
    rows = np.flatnonzero(below if below.mean() > (before <= gap).mean() else ~below)
    moved = ", ".join(f"{name} {score.distances[name]:.2f}" for name in score.significant)
    said = f"the e-mails drifted from {tag} by {score.score:.2f} (KS distance; {moved})"
    return [finding(DRIFT, said, [current.names[row] for row in rows])]


def write_drift_page(reference: Sample, current: Sample, path: Path) -> None:
    """Evidently's comparison of every feature, as one HTML file."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = DataDefinition(numerical_columns=list(current.features))
    now, before = (
        Dataset.from_pandas(pd.DataFrame(dict(sample.features)), data_definition=columns) for sample in (current, reference)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # a feature that every mail shares has no spread to divide by
        snapshot: Any = Report([DataDriftPreset(num_method="ks")]).run(now, before)
        snapshot.save_html(str(path))


def _checked_out(store: DatasetStore, version: DatasetVersion, folder: Path) -> Reference:
    try:
        return Reference(version.tag, version.rows, store.checkout(version.name, version.version, folder) / TABLE)
    except (DataError, StoreError) as error:
        return Reference(version.tag, version.rows, None, error.message)


def _rows(file: Path, wanted: frozenset[int]) -> pa.Table:
    columns = ["source", *(field.name for field in EMAIL_FIELDS)]
    return pa.concat_tables(_chosen(file, columns, wanted))


def _chosen(file: Path, columns: list[str], wanted: frozenset[int]) -> Iterator[pa.Table]:
    place = 0
    with parquet.ParquetFile(file) as rows:
        yield rows.schema_arrow.empty_table().select(columns)
        for batch in rows.iter_batches(_BATCH_ROWS, columns=columns):
            yield pa.Table.from_batches([batch]).take([row for row in range(len(batch)) if place + row in wanted])
            place += len(batch)
