"""kill -9 at random moments of a commit and of a whole build: the old version or the new one, never something between."""

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.provenance import Stamp
from libs.common.stores.datasets import DatasetStore
from tests.integration.dataset_folders import draft_of, folder_with

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::FutureWarning:ray"
)

KILLS = 20
BUILD_KILLS = 3
STAMP = Stamp(datetime(2026, 1, 1, tzinfo=UTC), "abc", "def")

# Each victim is a process of its own, and what it imports is imported once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["apps.training.datasets.build", "dvc.repo", "libs.common.stores.datasets", "ray"])


def commit(place: "Place", folder: Path) -> None:
    place.store.commit("mail", folder, draft_of(folder))


def build(place: "Place", seed: int) -> None:
    build_dataset(BuildRequest(name="mail", sources=(f"synthetic://?n=300&seed={seed}",)), place.store, STAMP)


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


@dataclass(frozen=True)
class Victim:
    """A process that does ``work`` in a group of its own, on the Ray at ``address`` where there is one."""

    work: Callable[..., None]
    arguments: tuple[object, ...]
    address: str | None = None

    def live(self, ready: Connection) -> None:
        """What the process does: it says when it begins."""
        os.setsid()
        if self.address:
            import ray

            ray.init(address=self.address, log_to_driver=False)
        ready.send(True)
        self.work(*self.arguments)

    def lived(self, at_most_s: float | None = None, group: bool = True) -> float | None:
        """Seconds from its beginning to its own end; None where it was killed, after ``at_most_s``."""
        ready, theirs = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=self.live, args=(theirs,))
        process.start()
        theirs.close()  # a victim that ends before it begins is then an EOFError here
        assert ready.recv()
        began = time.monotonic()
        process.join(at_most_s)
        if process.is_alive():
            # Alone, as by the kernel when memory is short: then its git goes on. Or with all that it has started.
            os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        return time.monotonic() - began if process.exitcode == 0 else None


@pytest.mark.parametrize("before", [0, 1], ids=["the first version", "the next version"])
def test_a_commit_killed_at_any_moment_leaves_the_old_or_the_new_version(tmp_path: Path, before: int) -> None:
    place, chance = Place(tmp_path), random.Random(before)
    folders = [folder_with(tmp_path / name, name.encode()) for name in ("one", "two", "three")]
    for folder in folders[:before]:
        place.store.commit("mail", folder, draft_of(folder))
    old = [f"mail/v1.{number}.0" for number in range(before)]
    place.save()
    victim = Victim(commit, (place, folders[before]))
    whole_s = victim.lived() or 0.0
    found: list[list[str]] = []
    while len(found) < (KILLS - 5 if before else 5):
        place.put_back()
        if victim.lived(whole_s * chance.random(), group=chance.random() < 0.5):
            continue
        found.append(place.require_whole())
        assert found[-1] in (old, [*old, f"mail/v1.{before}.0"])
        following = place.store.commit("mail", folders[before + 1], draft_of(folders[before + 1]))
        assert following.tag == f"mail/v1.{len(found[-1])}.0"
        assert place.store.verify("mail") == []
    assert old in found


def test_a_build_killed_at_any_moment_leaves_the_old_or_the_new_version(tmp_path: Path, connected: str) -> None:
    place, chance = Place(tmp_path), random.Random(7)
    whole_s = Victim(build, (place, 1), connected).lived() or 0.0
    number = kills = 0
    while kills < BUILD_KILLS:
        before = place.require_whole()
        if Victim(build, (place, number + 2), connected).lived(whole_s * chance.random()):
            continue
        number, kills = number + 2, kills + 1
        assert place.require_whole() in (before, [*before, f"mail/v1.{len(before)}.0"])
        build(place, number + 1)
        assert place.store.verify("mail") == []
