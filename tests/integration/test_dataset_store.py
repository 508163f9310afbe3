"""Versions in a real git + DVC workspace: committed whole or not at all, checked out as they were, damage named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import lock_descriptor

from libs.common.errors import DataError, StoreError
from libs.common.stores.datasets import DatasetStore
from libs.common.stores.workspace import Workspace
from tests.integration.dataset_folders import draft_of, folder_with


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
    remote = ("remote", "add", "--default", "storage", str(tmp_path / "remote"))
    for words in (("init", "--quiet"), remote):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=tmp_path / "datasets", check=True)
    begun = [(tmp_path / "datasets" / ".dvc" / name).read_text() for name in ("config", ".gitignore")]
    folder = folder_with(tmp_path / "one", b"first")
    store.commit("emails", folder, draft_of(folder))
    assert store.verify("emails") == []
    ours = [(tmp_path / "datasets" / ".dvc" / name).read_text() for name in ("config", ".gitignore")]
    assert [text.replace('"', "").split() for text in ours] == [text.replace('"', "").split() for text in begun]


def test_an_unknown_version_names_the_known_ones(store: DatasetStore, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none yet"):
        store.get("emails")
    folder = folder_with(tmp_path / "one", b"first")
    store.commit("emails", folder, draft_of(folder))
    with pytest.raises(DataError, match=r"emails/v1\.0\.0"):
        store.get("emails", "2.0.0")


def test_files_beside_the_content_are_verified_and_are_not_content(store: DatasetStore, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "one", b"first")
    committed = store.commit("emails", folder, draft_of(folder), lambda version: {"made.txt": f"made: {version.tag}"})
    again = store.commit("emails", folder, draft_of(folder), lambda version: {"made.txt": "made later"})
    assert (again, committed.digest) == (committed, draft_of(folder).digest)
    assert (store.checkout("emails", "latest", tmp_path / "out") / "made.txt").read_text() == "made: emails/v1.0.0"
    flip_a_byte(tmp_path / "datasets" / "emails" / "made.txt")
    assert ["made.txt was changed" in fault for fault in store.verify("emails")] == [True]


def test_a_version_holds_no_file_of_the_one_before(store: DatasetStore, tmp_path: Path) -> None:
    first, second = folder_with(tmp_path / "one", b"first"), folder_with(tmp_path / "two", b"second")
    (first / "figures.json").write_text("{}")
    store.commit("emails", first, draft_of(first))
    store.commit("emails", second, draft_of(second))
    there = {path.name for path in store.checkout("emails", "latest", tmp_path / "out").iterdir()}
    assert "figures.json" not in there
    assert "emails.parquet" in there


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True).stdout.strip()


def killed(root: Path) -> None:
    """As after a holder that was killed: it is named in the lock file."""
    root.with_name(f"{root.name}.lock").write_text("12345\n")


def test_what_was_killed_after_its_tag_is_finished(store: DatasetStore, tmp_path: Path) -> None:
    one, two, root = folder_with(tmp_path / "one", b"first"), folder_with(tmp_path / "two", b"second"), tmp_path / "datasets"
    store.commit("emails", one, draft_of(one))
    second = store.commit("emails", two, draft_of(two))
    git(root, "update-ref", "refs/heads/main", "main~1")
    killed(root)
    assert (store.verify("emails"), store.verify("emails", "1.0.0")) == ([], [])
    assert git(root, "rev-parse", "main") == git(root, "rev-parse", f"{second.tag}^{{commit}}")
    assert store.get("emails") == second


def test_what_was_killed_before_its_tag_is_taken_back(store: DatasetStore, tmp_path: Path) -> None:
    one, two, root = folder_with(tmp_path / "one", b"first"), folder_with(tmp_path / "two", b"second"), tmp_path / "datasets"
    first = store.commit("emails", one, draft_of(one))
    (root / "emails" / "emails.parquet").write_bytes(b"second")
    (root / "emails" / "half-written").write_bytes(b"sec")
    (root / "emails" / "manifest.json").write_text("{")
    git(root, "add", "--all")
    (root / ".git" / "index.lock").touch()
    (root / ".dvc" / "tmp" / "rwlock").write_text('{"re')
    killed(root)
    assert store.verify("emails") == []
    assert not (root / "emails" / "half-written").exists()
    assert store.list("emails") == [first]
    assert store.commit("emails", two, draft_of(two)).tag == "emails/v1.1.0"


HOLD = """
import sys
from pathlib import Path
from libs.common.stores.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]), "")
with workspace.locked():
    workspace._git("-c", f"alias.read=!cat '{sys.argv[2]}'", "read")
"""


def test_a_command_that_outlives_its_killed_parent_holds_the_lock(store: DatasetStore, tmp_path: Path) -> None:
    folder, pipe = folder_with(tmp_path / "one", b"first"), tmp_path / "pipe"
    store.commit("emails", folder, draft_of(folder))
    os.mkfifo(pipe)
    lock = os.open(tmp_path / "datasets.lock", os.O_RDWR)
    try:
        with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "datasets"), str(pipe)]) as parent:
            with pipe.open("w"):  # as soon as the command reads from it
                parent.kill()
                parent.wait()
                assert not lock_descriptor(lock, blocking=False)
            lock_descriptor(lock)
    finally:
        os.close(lock)
    assert store.verify("emails") == []
