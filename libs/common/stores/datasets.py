"""Dataset versions in the data workspace: a git + DVC repository of its own, with git-flow branches and one tag a version."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from libs.common.domain.dataset import DatasetVersion
from libs.common.errors import DataError, StoreError
from libs.common.stores.dataset_space import Space, free_space, measure_space
from libs.common.stores.rewriting import Rewriting
from libs.common.stores.workspace import Workspace

MANIFEST = "manifest.json"
LATEST = "latest"
_FIRST = (1, 0, 0)

# What lies beside the content and names the version: file name → text.
Beside = Callable[[DatasetVersion], Mapping[str, str]]


class DatasetStore:
    """Commits, lists, checks out and verifies versions; ``remote`` is a folder or ``s3://bucket/prefix``."""

    def __init__(self, root: Path, remote: str) -> None:
        self._root = root
        self._remote = remote
        self._workspace = Workspace(root, remote)

    def commit(self, name: str, folder: Path, draft: DatasetVersion, beside: Beside | None = None) -> DatasetVersion:
        """Make ``folder`` the next version of ``name``; whole or not at all.

        ``draft`` says what the folder holds; its version number is ignored. Content that equals the latest version makes no
        new one: that version is returned. ``beside`` writes further files, which are not part of the content's digest.
        """
        with self._workspace.locked():
            self._workspace.ensure()
            Rewriting(self._root, self._remote).finish()  # an erasure that was killed: its history first, then ours on top
            self._workspace.undo()  # what somebody has changed there by hand
            known = self.list(name)
            if known and _faults(self._root / name, known[-1], "in the data workspace"):
                self._workspace.restore()
            if known and known[-1].digest == draft.digest:
                return known[-1]
            version = draft.model_copy(update={"name": name, "version": _next(known)})
            texts = dict(beside(version)) if beside else {}
            version = version.model_copy(
                update={"files": version.files | {file: _sha256(text) for file, text in texts.items()}}
            )
            with self._workspace.undone_on_failure():
                _replace_folder(folder, self._root / name, texts | {MANIFEST: version.model_dump_json(indent=2) + "\n"})
                self._workspace.release(name, sorted(version.files), version.tag)
            return version

    def names(self) -> "list[str]":
        """Every dataset that has a version."""
        return sorted({tag.rpartition("/")[0] for tag in self._workspace.tags("*/v*")})

    def list(self, name: str) -> "list[DatasetVersion]":
        """Every version of ``name``, oldest first."""
        texts = [self._workspace.show(tag, f"{name}/{MANIFEST}") for tag in self._workspace.tags(f"{name}/v*")]
        return sorted((_read(text, name) for text in texts), key=lambda version: _numbers(version.version))

    def get(self, name: str, version: str = LATEST) -> DatasetVersion:
        """One version: ``1.2.0``, ``v1.2.0``, ``name/v1.2.0`` or ``latest``; DataError names what there is instead."""
        known = self.list(name)
        wanted = version.removeprefix(f"{name}/").removeprefix("v")
        if known and wanted == LATEST:
            return known[-1]
        for candidate in known:
            if candidate.version == wanted:
                return candidate
        there = ", ".join(candidate.tag for candidate in known) or "none yet"
        raise DataError(f"there is no dataset {name} version {version}; there are: {there}", "build one: triage dataset build")

    def checkout(self, name: str, version: str, into: Path) -> Path:
        """Copy the files of a version to the new folder ``into``; DataError names a file that is not as it was committed."""
        wanted = self.get(name, version)
        if into.exists():
            raise DataError(f"{into} exists already", "name a folder that does not exist yet")
        into.parent.mkdir(parents=True, exist_ok=True)
        landing = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
        try:
            self._workspace.copy(wanted.tag, name, landing / name)
            if faults := _faults(landing / name, wanted, "as checked out"):
                raise DataError(faults[0], "fetch it again from the remote, or build the version again from its lineage")
            (landing / name).rename(into)
        finally:
            shutil.rmtree(landing, ignore_errors=True)
        return into

    def verify(self, name: str, version: str = LATEST) -> "list[str]":
        """What is wrong with the files of a version, each fault naming its file; empty when all are as committed."""
        wanted = self.get(name, version)
        with self._workspace.locked(), tempfile.TemporaryDirectory() as scratch:
            faults = Rewriting(self._root, self._remote).unfinished()
            if wanted == self.get(name):
                faults += _faults(self._root / name, wanted, "in the data workspace")
            try:
                self._workspace.copy(wanted.tag, name, Path(scratch) / name)
            except StoreError as error:
                return [*faults, f"{wanted.tag}: {error.message}"]
            return faults + _faults(Path(scratch) / name, wanted, "in the DVC cache")

    @contextmanager
    def rewriting(self) -> Generator[Rewriting]:
        """Hold the workspace while the content of versions is replaced."""
        workspace = Rewriting(self._root, self._remote)
        with workspace.locked():
            yield workspace

    def space_without(self, dropped: Sequence[DatasetVersion]) -> Space:
        """What would be freed if the versions were dropped, and what earlier ones have left."""
        if not self.names():
            return Space({}, {})
        gone = {version.tag for version in dropped}
        kept = (tag for tag in self._workspace.tags() if tag not in gone)
        return measure_space(self._workspace, self._root, self._remote, kept)

    def drop(self, dropped: Sequence[DatasetVersion]) -> Space:
        """Remove versions for good, and free what no other holds; returns what was freed.

        The latest version of a dataset is never dropped (DataError): the next one takes its number from it.
        """
        if not self.names():
            return Space({}, {})
        with self._workspace.locked():
            Rewriting(self._root, self._remote).finish()
            for version in dropped:
                if version == self.get(version.name):
                    raise DataError(f"{version.tag} is the latest version and stays", "build a new version first")
            self._workspace.undo()
            space = self.space_without(dropped)
            self._workspace.drop([version.tag for version in dropped])
            free_space(self._workspace, self._remote, space)
            return space


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _replace_folder(source: Path, target: Path, texts: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        shutil.copy2(path, target / path.name)
    for file, text in texts.items():
        (target / file).write_text(text, "utf-8")
    kept = {path.name for path in source.iterdir()} | texts.keys()
    for path in target.iterdir():
        if path.name.removesuffix(".dvc") not in kept and path.name != ".gitignore":
            path.unlink()


def _faults(folder: Path, version: DatasetVersion, where: str) -> list[str]:
    faults: list[str] = []
    for file, digest in version.files.items():
        path = folder / file
        if not path.exists():
            faults.append(f"{version.tag}: {file} is missing {where}")
        elif (found := sha256_of(path)) != digest:
            faults.append(f"{version.tag}: {file} was changed {where}: SHA-256 {found[:12]}…, committed was {digest[:12]}…")
    return faults


def _next(known: list[DatasetVersion]) -> str:
    major, minor, _ = _numbers(known[-1].version) if known else (_FIRST[0], -1, 0)
    return f"{major}.{minor + 1}.0"


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def _read(text: str, name: str) -> DatasetVersion:
    try:
        return DatasetVersion.model_validate_json(text)
    except ValidationError as error:
        raise StoreError(f"{name}/{MANIFEST} cannot be read: {error}", "restore the data workspace from its remote") from error
