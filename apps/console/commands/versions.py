"""`triage dataset diff`, `gc` and `rebuild`: versions compared, dropped, built again."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.console.session import Session, open_session
from apps.console.tables import print_table
from libs.common.domain.dataset import DatasetVersion
from libs.common.errors import DataError

if TYPE_CHECKING:
    from apps.training.datasets.diff import DatasetDiff
    from apps.training.retention import Retention

_VERSION = re.compile(r"(.+/)?(v?\d+\.\d+\.\d+|latest)")


def diff(
    which: Annotated[list[str] | None, typer.Argument(metavar="[NAME] [OLD NEW]", help="Default: the two latest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole comparison as JSON.")] = False,
) -> None:
    """What changed between two versions: columns, rows, splits, labels, classes, sources, quality, drift."""
    from apps.console.differences import difference_rows

    session = open_session()
    old, new = _pair(session, which or [])
    found = _compare(session, old, new)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        print_table(("what", old.tag, new.tag, ""), difference_rows(found))


def gc(
    keep: Annotated[int, typer.Option(help="How many of the newest versions of a dataset stay.")],
    name: Annotated[str | None, typer.Argument(help="Only this dataset; default: each of them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Drop old versions and free their content; what a registered model was trained on stays, unless it is archived."""
    from apps.training.pipeline import Workplace
    from apps.training.retention import drop_versions, plan_retention

    session = open_session()
    datasets = session.stores.datasets
    names = [datasets.get(name).name] if name else datasets.names()
    retention = plan_retention(session.stores, names, keep)
    if dry_run:
        space = datasets.space_without(retention.dropped)
    else:
        space = drop_versions(Workplace(session.stores, session.actor(), session.now), retention)
    print_table(("version", "e-mails", "verdict"), _verdicts(retention))
    freed = "would be freed" if dry_run else "freed"
    typer.echo(f"{freed}: {space.cache_bytes} bytes in the cache, {space.remote_bytes} bytes on the remote")


def rebuild(
    name: Annotated[str, typer.Argument(help="The dataset's name.")] = "emails", version: str = "latest", wait: bool = True
) -> None:
    """Build a version again from its lineage, and say whether it comes out the same; commits nothing."""
    typer.echo(open_session().run_flow("rebuild_dataset", {"name": name, "version": version}, wait))


def _pair(session: Session, which: Sequence[str]) -> tuple[DatasetVersion, DatasetVersion]:
    """The two versions that ``[NAME] [OLD NEW]`` names; NEW is the latest where only OLD is given."""
    named = bool(which) and _VERSION.fullmatch(which[0]) is None
    name, versions = (which[0], which[1:]) if named else ("emails", which)
    if len(versions) > 2:
        raise DataError(f"{len(versions)} versions are given", "write two: triage dataset diff NAME OLD NEW")
    if versions:
        old, new = (_get(session, name, version) for version in (*versions, "latest")[:2])
        return old, new
    known = session.stores.datasets.list(name)
    if len(known) < 2:
        there = ", ".join(version.tag for version in known) or "none yet"
        raise DataError(f"{name} has no two versions to compare; there are: {there}", "build one: triage dataset build")
    return known[-2], known[-1]


def _get(session: Session, name: str, version: str) -> DatasetVersion:
    """A version as people write it: its number, or its whole tag, which may be another dataset's."""
    other, _, number = version.rpartition("/")
    return session.stores.datasets.get(other or name, number)


def _compare(session: Session, old: DatasetVersion, new: DatasetVersion) -> "DatasetDiff":
    from apps.training.datasets.diff import diff_versions
    from apps.training.datasets.reference import Sample
    from apps.training.datasets.rows import TABLE
    from apps.training.datasets.snapshot import read_snapshot
    from libs.common.stats.drift import drift_score

    settings = session.config.monitoring.data_drift_detection
    with tempfile.TemporaryDirectory(prefix="triage-diff-") as scratch:
        folders = [Path(scratch) / side for side in ("old", "new")]
        for version, folder in zip((old, new), folders, strict=True):
            session.stores.datasets.checkout(version.name, version.version, folder)
        before, after = (
            Sample(folder / TABLE, range(version.rows), settings.max_sample)
            for version, folder in zip((old, new), folders, strict=True)
        )
        drift = drift_score(before.features, after.features, settings.false_alarm_rate, settings.min_sample)
        return diff_versions(read_snapshot(folders[0], old), read_snapshot(folders[1], new), drift)


def _verdicts(retention: "Retention") -> list[tuple[str, int, str]]:
    rows: list[tuple[str, int, str]] = []
    for version in (*retention.kept, *retention.dropped):
        users = ", ".join(retention.trained.get(version.tag, ()))
        stays = f"stays: {users} was trained on it" if users else "stays"
        rows.append((version.tag, version.rows, "goes" if version in retention.dropped else stays))
    return rows
