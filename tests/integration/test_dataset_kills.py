"""kill -9 at random moments of a commit and of a whole build: the old version or the new one, never something between."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.provenance import Stamp
from libs.common.stores.datasets import DatasetStore
from tests.conftest import REPO
from tests.integration.dataset_folders import draft_of, folder_with

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::FutureWarning:ray"
)

KILLS = 20
BUILD_KILLS = 3

COMMIT = """
import sys
from pathlib import Path
from libs.common.stores.datasets import DatasetStore
from tests.integration.dataset_folders import draft_of
root, remote, folder = map(Path, sys.argv[1:])
store, draft = DatasetStore(root, str(remote)), draft_of(folder)
print("ready", flush=True)
store.commit("mail", folder, draft)
"""

BUILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import ray
from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.provenance import Stamp
from libs.common.stores.datasets import DatasetStore
root, remote, seed, address = sys.argv[1:]
ray.init(address=address, log_to_driver=False)
request = BuildRequest(name="mail", sources=(f"synthetic://?n=300&seed={seed}",))
print("ready", flush=True)
now = datetime(2026, 1, 1, tzinfo=UTC)
build_dataset(request, DatasetStore(Path(root), remote), Stamp(now, "abc", "def"))
"""


class Place:
    """A workspace with its remote, which can be put back to how it was."""

    def __init__(self, home: Path) -> None:
        self.home, self.saved = home / "home", home / "saved"
        self.root, self.remote = self.home / "datasets", self.home / "remote"
        self.home.mkdir()
        self.store = DatasetStore(self.root, str(self.remote))

    def save(self) -> None:
        shutil.rmtree(self.saved, ignore_errors=True)
        shutil.copytree(self.home, self.saved, symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.home)
        shutil.copytree(self.saved, self.home, symlinks=True)

    def require_whole(self) -> list[str]:
        """The tags of its versions, each of which is as it was committed."""
        versions = self.store.list("mail")
        assert {version.tag: self.store.verify("mail", version.version) for version in versions} == {
            version.tag: [] for version in versions
        }
        return [version.tag for version in versions]


def killed(script: str, arguments: list[str], after_s: float, group: bool) -> bool:
    """Run ``script``, and kill it ``after_s`` seconds after it said that it is ready; False where it had ended before."""
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        with suppress(subprocess.TimeoutExpired):
            child.wait(after_s)
        if child.poll() is None:
            # Alone, as by the kernel when memory is short: then its git or DVC goes on. Or with all that it has started.
            os.killpg(child.pid, signal.SIGKILL) if group else child.kill()
        return child.wait() == -signal.SIGKILL


def duration(script: str, arguments: list[str]) -> float:
    """Seconds that ``script`` takes from ready to its end when nobody kills it."""
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        began = time.monotonic()
        assert child.wait() == 0
        return time.monotonic() - began


@pytest.mark.parametrize("before", [0, 1], ids=["the first version", "the next version"])
def test_a_commit_killed_at_any_moment_leaves_the_old_or_the_new_version(tmp_path: Path, before: int) -> None:
    place, chance = Place(tmp_path), random.Random(before)
    folders = [folder_with(tmp_path / name, name.encode()) for name in ("one", "two", "three")]
    for folder in folders[:before]:
        place.store.commit("mail", folder, draft_of(folder))
    arguments = [str(place.root), str(place.remote), str(folders[before])]
    old = [f"mail/v1.{number}.0" for number in range(before)]
    place.save()
    whole_s = duration(COMMIT, arguments)
    found: list[list[str]] = []
    while len(found) < (KILLS - 5 if before else 5):
        place.put_back()
        if not killed(COMMIT, arguments, whole_s * chance.random(), group=chance.random() < 0.5):
            continue
        found.append(place.require_whole())
        assert found[-1] in (old, [*old, f"mail/v1.{before}.0"])
        following = place.store.commit("mail", folders[before + 1], draft_of(folders[before + 1]))
        assert following.tag == f"mail/v1.{len(found[-1])}.0"
        assert place.store.verify("mail") == []
    assert old in found


def test_a_build_killed_at_any_moment_leaves_the_old_or_the_new_version(tmp_path: Path, connected: str) -> None:
    place, chance = Place(tmp_path), random.Random(7)
    arguments = [str(place.root), str(place.remote)]
    whole_s = duration(BUILD, [*arguments, "1", connected])
    number = kills = 0
    while kills < BUILD_KILLS:
        before = place.require_whole()
        if not killed(BUILD, [*arguments, str(number + 2), connected], whole_s * chance.random(), group=True):
            continue
        number, kills = number + 2, kills + 1
        assert place.require_whole() in (before, [*before, f"mail/v1.{len(before)}.0"])
        request = BuildRequest(name="mail", sources=(f"synthetic://?n=300&seed={number + 1}",))
        now = datetime(2026, 1, 1, tzinfo=UTC)
        build_dataset(request, place.store, Stamp(now, "abc", "def"))
        assert place.store.verify("mail") == []
