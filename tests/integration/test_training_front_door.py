"""``python -m apps.training``: one clear error, and an exit status that scripts can trust."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from libs.common.stores.records import migrate


def _run(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "apps.training", *arguments],
        cwd=repo,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "--dataset", "no-such-dataset"), "no-such-dataset"),
        (("evaluate", "1", "--model", "no_such_model"), "no_such_model"),
        (("compare", "1", "2", "--model", "no_such_model"), "no_such_model"),
        (("dataset", "build", "--relabel", "nonsense"), "OLD=NEW"),
    ],
)
def test_what_is_not_there_is_one_clear_error(repo: Path, state_home: Path, arguments: tuple[str, ...], says: str) -> None:
    state_home.mkdir(parents=True)
    migrate(f"sqlite:///{state_home}/records.db")
    ran = _run(repo, *arguments)
    assert ran.returncode == 1
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_a_state_home_nothing_is_begun(repo: Path, state_home: Path) -> None:
    ran = _run(repo, "train")
    assert ran.returncode == 1
    assert "triage up" in ran.stderr
    assert not (state_home / "mlflow").exists()
