"""Which versions of the datasets are kept, and what goes when the others are dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.training.pipeline import Workplace
from libs.common.connect import Stores
from libs.common.domain.dataset import DatasetVersion, surplus
from libs.common.stores.dataset_space import Space


@dataclass(frozen=True)
class Retention:
    """Versions that stay, those that go, and what stands on each, by tag."""

    kept: tuple[DatasetVersion, ...]
    dropped: tuple[DatasetVersion, ...]
    trained: Mapping[str, Sequence[str]]
    keep: int


def plan_retention(stores: Stores, names: Sequence[str], keep: int) -> Retention:
    """Keep the newest ``keep`` of each dataset and all that a registered, not archived model was trained on."""
    trained = stores.registry.trained_on()
    versions = [stores.datasets.list(name) for name in names]
    dropped = tuple(version for known in versions for version in surplus(known, keep, trained.keys()))
    kept = tuple(version for known in versions for version in known if version not in dropped)
    return Retention(kept, dropped, trained, keep)


def drop_versions(place: Workplace, retention: Retention) -> Space:
    """Write what goes into the audit chain, then drop it; returns what was freed."""
    for version in retention.dropped:
        details = {"digest": version.digest, "rows": version.rows, "keep": retention.keep}
        place.stores.records.audit.append(place.actor, "dataset_dropped", version.tag, details, place.now)
    return place.stores.datasets.drop(retention.dropped)
