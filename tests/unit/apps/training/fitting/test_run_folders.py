import os
from pathlib import Path

import pytest

from apps.training.fitting.run_folders import open_runs


def _leave(root: Path, digest: str = "a") -> Path:
    """A run that was killed after its first checkpoint."""
    with pytest.raises(RuntimeError), open_runs(root) as runs:
        folder = runs.folder(digest)
        assert folder is not None
        (folder / "checkpoint").write_text("step 1")
        raise RuntimeError
    return folder


def test_the_same_run_finds_what_a_killed_one_left(tmp_path: Path) -> None:
    left = _leave(tmp_path)
    with open_runs(tmp_path) as runs:
        assert runs.folder("a") == left
        assert (left / "checkpoint").read_text() == "step 1"
        other = runs.folder("b")
        assert other is not None
        assert not (other / "checkpoint").exists()


def test_what_a_request_has_learned_it_finds_again(tmp_path: Path) -> None:
    with open_runs(tmp_path) as runs:
        assert runs.folder("a") == runs.folder("a") is not None


def test_nothing_is_left_once_all_went_well(tmp_path: Path) -> None:
    _leave(tmp_path)
    with open_runs(tmp_path) as runs:
        runs.folder("a")
    assert list(tmp_path.iterdir()) == []


def test_no_two_work_in_one_folder(tmp_path: Path) -> None:
    with open_runs(tmp_path) as first, open_runs(tmp_path) as second:
        assert first.folder("a") is not None
        assert second.folder("a") is None
        assert second.folder("b") is not None
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_asks_for_again_is_removed_in_time(tmp_path: Path) -> None:
    forgotten, recent = _leave(tmp_path, "a"), _leave(tmp_path, "b")
    long_ago = (forgotten / "lock").stat().st_mtime - 8 * 24 * 3600
    os.utime(forgotten / "lock", (long_ago, long_ago))
    with open_runs(tmp_path):
        pass
    assert [path for path in (forgotten, recent) if path.exists()] == [recent]


def test_a_run_that_is_still_at_work_is_never_removed(tmp_path: Path) -> None:
    with open_runs(tmp_path) as runs:
        folder = runs.folder("a")
        assert folder is not None
        os.utime(folder / "lock", (0, 0))
        with open_runs(tmp_path):
            pass
        assert folder.exists()
