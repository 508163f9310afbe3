"""DVC inside one repository: files become content with a pointer beside it, kept in the cache and on the remote.

Called in this process: the command line of DVC takes longer to start than to do its work.
"""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from libs.common.errors import StoreError

_LOOK = "see what is wrong there by hand"


class DvcTracking:
    """DVC in ``root``, with the settings that lie there; every failure is a StoreError with what DVC said."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, files: Sequence[Path]) -> None:
        """Put content into the cache and on the remote; beside each file lies then its pointer, and git ignores the file."""
        with self._repo("add and push") as repo:
            repo.add([str(file) for file in files])
            repo.push()

    def sweep(self, whole_history: bool) -> None:
        """Remove from the cache what no tag and not the work tree names; with ``whole_history`` what no commit names."""
        with self._repo("gc") as repo:
            repo.gc(workspace=True, all_tags=not whole_history, all_commits=whole_history, force=True)

    @contextmanager
    def _repo(self, doing: str) -> Generator[Any]:
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # no progress on a terminal; what matters is raised
        try:
            with Repo(str(self._root)) as repo:
                yield repo
        except Exception as error:  # DVC lets through what its storages raise
            said = " ".join(": ".join(_said(error)).split())[-400:]
            raise StoreError(f"the data workspace {self._root}: 'dvc {doing}' failed: {said}", _LOOK) from error


def _said(error: BaseException | None) -> list[str]:
    return [str(error) or type(error).__name__, *_said(error.__cause__)] if error else []
