"""Dataset versions in the data workspace: a git + DVC repository of its own, with git-flow branches and one tag a version."""

import hashlib
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from pydantic import ValidationError

from libs.common.domain.dataset import DatasetVersion
from libs.common.errors import DataError, StoreError
from libs.common.stores.workspace import Workspace

MANIFEST = "manifest.json"
LATEST = "latest"
_FIRST = (1, 0, 0)


class DatasetStore:
    """Commits, lists, checks out and verifies versions; ``remote`` is a folder or ``s3://bucket/prefix``."""

    def __init__(self, root: Path, remote: str) -> None:
        self._root = root
        self._workspace = Workspace(root, remote)

    def commit(self, name: str, folder: Path, draft: DatasetVersion) -> DatasetVersion:
        """Make ``folder`` the next version of ``name``; whole or not at all.

        ``draft`` says what the folder holds; its version number is ignored. Content that equals the latest version makes no
        new one: that version is returned.
        """
        with self._locked():
            self._workspace.ensure()
            self._workspace.undo()  # what a commit that was killed has left
            known = self.list(name)
            if known and _faults(self._root / name, known[-1], "in the data workspace"):
                self._workspace.restore()
            if known and known[-1].digest == draft.digest:
                return known[-1]
            version = draft.model_copy(update={"name": name, "version": _next(known)})
            manifest = version.model_dump_json(indent=2) + "\n"
            with self._workspace.undone_on_failure():
                _replace_folder(folder, self._root / name, manifest)
                self._workspace.release(name, sorted(version.files), version.tag)
            return version

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
        faults: list[str] = []
        if wanted == self.get(name):
            faults += _faults(self._root / name, wanted, "in the data workspace")
        with tempfile.TemporaryDirectory() as scratch:
            try:
                self._workspace.copy(wanted.tag, name, Path(scratch) / name)
            except StoreError as error:
                return [*faults, f"{wanted.tag}: {error.message}"]
            return faults + _faults(Path(scratch) / name, wanted, "in the DVC cache")

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._root.with_name(f"{self._root.name}.lock")):
            yield


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace_folder(source: Path, target: Path, manifest: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        shutil.copy2(path, target / path.name)
    (target / MANIFEST).write_text(manifest)


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
