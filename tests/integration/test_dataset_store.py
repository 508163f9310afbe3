"""Versions in a real git + DVC workspace: committed whole or not at all, checked out as they were, damage named."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, Split
from libs.common.errors import DataError, StoreError
from libs.common.stores.datasets import DatasetStore, sha256_of
from libs.common.stores.workspace import Workspace


def draft_of(folder: Path) -> DatasetVersion:
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    return DatasetVersion(
        name="",
        version="",
        digest=sha256_of(folder / "emails.parquet"),
        rows=1,
        classes={"spam": 1},
        splits={Split.TRAIN: 1},
        files=files,
        lineage=Lineage(sources=(), code_commit="none", config_digest="none"),
        quality=QualityReport(rows_read=1, rows_kept=1, quarantined={}, duplicates=0, score=1.0),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def folder_with(path: Path, content: bytes) -> Path:
    path.mkdir()
    (path / "emails.parquet").write_bytes(content)
    (path / "quarantine.parquet").write_bytes(b"none")
    return path


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets", str(tmp_path / "remote"))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(content))


def test_versions_are_committed_listed_checked_out_and_verified(store: DatasetStore, tmp_path: Path) -> None:
    one, two = folder_with(tmp_path / "one", b"first"), folder_with(tmp_path / "two", b"second")
    first, second = store.commit("emails", one, draft_of(one)), store.commit("emails", two, draft_of(two))
    again = store.commit("emails", two, draft_of(two))
    assert (first.tag, second.tag, again.tag) == ("emails/v1.0.0", "emails/v1.1.0", "emails/v1.1.0")
    assert [version.tag for version in store.list("emails")] == ["emails/v1.0.0", "emails/v1.1.0"]
    assert store.get("emails", "emails/v1.0.0") == store.get("emails", "v1.0.0") == first
    assert (store.checkout("emails", "1.0.0", tmp_path / "out") / "emails.parquet").read_bytes() == b"first"
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["version"] == "1.0.0"
    assert store.verify("emails", "1.0.0") == store.verify("emails") == []


def test_a_flipped_byte_in_the_workspace_or_in_the_cache_is_named(store: DatasetStore, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "one", b"first")
    store.commit("emails", folder, draft_of(folder))
    flip_a_byte(tmp_path / "datasets" / "emails" / "emails.parquet")
    assert any("emails.parquet was changed in the data workspace" in fault for fault in store.verify("emails"))
    for path in (tmp_path / "datasets" / ".dvc" / "cache").rglob("*"):
        if path.is_file() and path.read_bytes() == b"first":
            flip_a_byte(path)
    assert any("emails.parquet" in fault and "cache" in fault for fault in store.verify("emails"))
    with pytest.raises(DataError, match=r"emails\.parquet was changed"):
        store.checkout("emails", "latest", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_commit_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DatasetStore(tmp_path / "datasets", str(tmp_path / "file" / "remote"))
    folder = folder_with(tmp_path / "one", b"first")
    with pytest.raises(StoreError, match="push"):
        store.commit("emails", folder, draft_of(folder))
    assert store.list("emails") == []
    assert not (tmp_path / "datasets" / "emails").exists()


def test_a_commit_that_fails_leaves_the_version_before_as_it_was(store: DatasetStore, tmp_path: Path) -> None:
    first, second = folder_with(tmp_path / "one", b"first"), folder_with(tmp_path / "two", b"second")
    committed = store.commit("emails", first, draft_of(first))
    shutil.rmtree(tmp_path / "remote")
    (tmp_path / "remote").write_text("in the way")
    with pytest.raises(StoreError, match="push"):
        store.commit("emails", second, draft_of(second))
    assert store.list("emails") == [committed]
    assert store.verify("emails") == []


def test_the_repository_around_the_workspace_is_never_touched(
    store: DatasetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "precious").write_text("not committed yet")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))  # as a git hook of that repository has it
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    folder = folder_with(tmp_path / "one", b"first")
    committed = store.commit("emails", folder, draft_of(folder))
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_WORK_TREE")
    shutil.rmtree(tmp_path / "datasets" / ".git")
    assert store.list("emails") == []
    with pytest.raises(StoreError, match="not a git repository"):
        Workspace(tmp_path / "datasets", "").undo()
    assert (tmp_path / "precious").read_text() == "not committed yet"
    assert not list((tmp_path / ".git" / "refs").rglob("v*"))
    assert committed.tag == "emails/v1.0.0"


def test_a_workspace_whose_beginning_was_killed_is_begun_anew(store: DatasetStore, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(tmp_path / "datasets")], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=tmp_path / "datasets", check=True)
    folder = folder_with(tmp_path / "one", b"first")
    store.commit("emails", folder, draft_of(folder))
    assert store.verify("emails") == []


def test_an_unknown_version_names_the_known_ones(store: DatasetStore, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none yet"):
        store.get("emails")
    folder = folder_with(tmp_path / "one", b"first")
    store.commit("emails", folder, draft_of(folder))
    with pytest.raises(DataError, match=r"emails/v1\.0\.0"):
        store.get("emails", "2.0.0")
