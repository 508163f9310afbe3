"""Where a training run lies until what it taught is registered, so that a driver that was killed finds it again."""

import fcntl
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = "lock"
# A run that nobody asked for again in this time is not gone on with.
_KEPT_S = 7 * 24 * 3600


class RunFolders:
    """The runs of one request below ``root``, each held by this process for as long as it works on them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: dict[Path, int] = {}

    def folder(self, digest: str) -> Path | None:
        """The folder of the run that learns so, perhaps with what a killed process left; None where another is at it.

        Asked again, it is the same: what the request has learned already is not learned twice.
        """
        folder = self._root / digest
        if folder in self._held:
            return folder
        held = _hold(folder)
        if held is not None:
            self._held[folder] = held
            os.utime(folder / _LOCK)
        return folder if held is not None else None

    def remove(self) -> None:
        """The runs are not needed any more."""
        for folder in self._held:
            shutil.rmtree(folder)

    def release(self) -> None:
        """Let other processes go on with what is left of the runs."""
        while self._held:
            os.close(self._held.popitem()[1])


@contextmanager
def open_runs(root: Path) -> Generator[RunFolders]:
    """Run folders that are removed when all went well, and kept for another try when not; forgotten ones are removed."""
    _forget_old(root)
    runs = RunFolders(root)
    try:
        yield runs
        runs.remove()
    finally:
        runs.release()


def _hold(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; the kernel releases it however the holder ends."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _forget_old(root: Path) -> None:
    for lock in root.glob(f"*/{_LOCK}"):
        with suppress(FileNotFoundError):  # another process removed it
            if time.time() - lock.stat().st_mtime > _KEPT_S and (held := _hold(lock.parent)) is not None:
                shutil.rmtree(lock.parent)
                os.close(held)
