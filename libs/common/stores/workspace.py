"""The git + DVC repository below the dataset store: develop is worked on, main holds releases, tags name them."""

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from libs.common.errors import StoreError

_IDENTITY = {
    "GIT_AUTHOR_NAME": "triage",
    "GIT_AUTHOR_EMAIL": "triage@localhost",
    "GIT_COMMITTER_NAME": "triage",
    "GIT_COMMITTER_EMAIL": "triage@localhost",
}
_WORK, _RELEASES = "develop", "main"


class Workspace:
    """Plain verbs over the two command lines; every failure is a StoreError with what the command said."""

    def __init__(self, root: Path, remote: str) -> None:
        self._root = root
        self._remote = remote

    def ensure(self) -> None:
        """Create the repository where there is none; what a killed run has begun is begun anew: it holds nothing yet."""
        if (self._root / ".git").exists() and self._git("branch", "--list", _WORK):
            return
        self._root.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", f"--initial-branch={_RELEASES}")
        self._dvc("init", "--quiet", "--force")
        self._dvc("remote", "add", "--default", "--force", "storage", self._remote)
        self._dvc("config", "core.analytics", "false")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "Begin the data workspace")
        self._git("checkout", "--quiet", "-b", _WORK)

    @contextmanager
    def undone_on_failure(self) -> Generator[None]:
        """Take back every change to tracked and untracked files, and every commit, when the block fails."""
        before = self._git("rev-parse", "HEAD").strip()
        try:
            yield
        except BaseException:
            self.undo(before)
            self.restore()
            raise

    def undo(self, commit: str = _RELEASES) -> None:
        """Bring the work tree back to ``commit``: without one, to the last release."""
        self._git("reset", "--quiet", "--hard", commit)
        self._clean()

    def restore(self) -> None:
        """Bring the data files, which git does not know, back to what the work tree's commit says of them."""
        self._dvc("checkout", "--quiet", "--force")
        self._clean()  # the empty folder of a version that was taken back

    def release(self, folder: str, files: Sequence[str], tag: str) -> None:
        """Track ``files`` with DVC, push them, commit on develop; then main moves there and is tagged, both or neither."""
        self._dvc("add", "--quiet", *(f"{folder}/{file}" for file in files))
        self._dvc("push", "--quiet")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Release {tag}")
        self._git("push", "--quiet", "--atomic", ".", f"{_WORK}:refs/heads/{_RELEASES}", f"{_WORK}:refs/tags/{tag}")

    def tags(self, pattern: str) -> list[str]:
        """The tags that match."""
        return self._git("tag", "--list", pattern).split() if (self._root / ".git").exists() else []

    def show(self, tag: str, path: str) -> str:
        """A small file as it was at ``tag``."""
        return self._git("show", f"{tag}:{path}")

    def copy(self, tag: str, folder: str, into: Path) -> None:
        """Copy a folder as it was at ``tag``, data included, from the cache or else from the remote."""
        self._dvc("get", "--quiet", "--rev", tag, "--out", str(into), str(self._root), folder)

    def _clean(self) -> None:
        self._git("clean", "--quiet", "-d", "--force")

    def _git(self, *arguments: str) -> str:
        return self._run("git", *arguments)

    def _dvc(self, *arguments: str) -> str:
        return self._run(sys.executable, "-m", "dvc", *arguments)

    def _run(self, *command: str) -> str:
        # Never another repository: neither the one of a git hook that runs us (GIT_DIR), nor the code's around the state home.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        bounds = {"GIT_CEILING_DIRECTORIES": str(self._root.resolve().parent)}
        environment = {**inherited, **_IDENTITY, **bounds, "DVC_NO_ANALYTICS": "1", "LC_ALL": "C.UTF-8"}
        result = subprocess.run(command, cwd=self._root, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            said = " ".join((result.stderr or result.stdout).split())[-400:]
            verb = " ".join(command[1:4] if command[0] == "git" else command[2:5])
            raise StoreError(f"the data workspace {self._root}: '{verb}' failed: {said}", "see what is wrong there by hand")
        return result.stdout
