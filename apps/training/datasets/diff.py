"""What changed between two versions of a dataset: a judgment over two snapshots, and the value that it returns."""

from collections.abc import Iterable, Mapping

from apps.training.datasets.snapshot import Snapshot
from libs.common.domain.dataset import Lineage
from libs.common.domain.value import Value
from libs.common.stats.drift import DriftScore

_SHOWN = 10


class RowSet(Value):
    """So many rows, and the ``row_id`` of the first few."""

    count: int
    examples: tuple[str, ...]


class Change(Value):
    """One thing that both versions may have, as it was and as it is; None where a version lacks it."""

    old: str | None
    new: str | None


class ClassChange(Value):
    """E-mails of one label, and their share of the version in 0…1."""

    old: int
    new: int
    old_share: float
    new_share: float


class FeatureDrift(Value):
    """How far a feature's distribution moved: Kolmogorov–Smirnov D in 0…1, and whether that is no accident."""

    distance: float
    significant: bool


class DatasetDiff(Value):
    """What changed from the version ``old`` to ``new``: only what differs is listed, except for ``classes`` and ``drift``.

    ``moved`` and ``relabelled`` concern the same mail in both: from → to → rows. ``drift`` takes ``old`` as the reference
    and is empty, its score None, where one side has too few rows.
    """

    old: str
    new: str
    same_content: bool
    columns: dict[str, Change]
    rows: tuple[int, int]
    added: RowSet
    removed: RowSet
    moved: dict[str, dict[str, RowSet]]
    relabelled: dict[str, dict[str, RowSet]]
    classes: dict[str, ClassChange]
    sources: dict[str, Change]
    quality: tuple[float, float]
    drift: dict[str, FeatureDrift]
    drift_score: float | None


def diff_versions(old: Snapshot, new: Snapshot, drift: DriftScore) -> DatasetDiff:
    """Compare two snapshots; ``drift`` was computed from their features, old as the reference."""
    before, after = old.version, new.version
    return DatasetDiff(
        old=before.tag,
        new=after.tag,
        same_content=before.digest == after.digest,
        columns=_changes(old.columns, new.columns),
        rows=(before.rows, after.rows),
        added=_row_set(new.labels.keys() - old.labels.keys()),
        removed=_row_set(old.labels.keys() - new.labels.keys()),
        moved=_moves(old.splits, new.splits),
        relabelled=_moves(old.labels, new.labels),
        classes=_classes(before.classes, after.classes),
        sources=_changes(_digests(before.lineage), _digests(after.lineage)),
        quality=(before.quality.score, after.quality.score),
        drift={name: FeatureDrift(distance=d, significant=name in drift.significant) for name, d in drift.distances.items()},
        drift_score=drift.score,
    )


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Change]:
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {name: Change(old=old.get(name), new=new.get(name)) for name in names}


def _moves(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, dict[str, RowSet]]:
    moved: dict[str, dict[str, list[str]]] = {}
    for row_id in sorted(old.keys() & new.keys()):
        if old[row_id] != new[row_id]:
            moved.setdefault(old[row_id], {}).setdefault(new[row_id], []).append(row_id)
    return {one: {other: _row_set(rows) for other, rows in sorted(to.items())} for one, to in sorted(moved.items())}


def _row_set(rows: Iterable[str]) -> RowSet:
    ordered = sorted(rows)
    return RowSet(count=len(ordered), examples=tuple(ordered[:_SHOWN]))


def _classes(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, ClassChange]:
    whole = max(sum(old.values()), 1), max(sum(new.values()), 1)
    counts = {label: (old.get(label, 0), new.get(label, 0)) for label in sorted(old.keys() | new.keys())}
    return {
        label: ClassChange(old=before, new=after, old_share=before / whole[0], new_share=after / whole[1])
        for label, (before, after) in counts.items()
    }


def _digests(lineage: Lineage) -> dict[str, str]:
    return {source.uri: source.digest for source in lineage.sources}
