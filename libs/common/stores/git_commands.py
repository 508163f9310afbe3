"""The command line of git, run inside one repository; every failure is a StoreError with what git said."""

import os
import subprocess
from pathlib import Path

from libs.common.errors import StoreError

_IDENTITY = {
    "GIT_AUTHOR_NAME": "triage",
    "GIT_AUTHOR_EMAIL": "triage@localhost",
    "GIT_COMMITTER_NAME": "triage",
    "GIT_COMMITTER_EMAIL": "triage@localhost",
}
# Whatever the user's own settings are: nothing goes on in the background after a command has ended.
_SETTINGS = {"core.fsmonitor": "false", "gc.autoDetach": "false"}


class GitCommands:
    """git in ``root``; each command keeps ``held_open`` (file descriptors) open until it ends."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.held_open: tuple[int, ...] = ()

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What ``git`` prints."""
        result = subprocess.run(
            ("git", *arguments),
            cwd=self._root,
            env=_environment(self._root),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=self.held_open,
        )
        if result.returncode:
            said = " ".join((result.stderr or result.stdout).split())[-400:]
            verb = " ".join(arguments[:3])[:80]
            raise StoreError(f"the data workspace {self._root}: '{verb}' failed: {said}", "see what is wrong there by hand")
        return result.stdout


def _environment(root: Path) -> dict[str, str]:
    """Never another repository: neither that of a git hook that runs us (GIT_DIR), nor the code's around the state home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for place, (key, value) in enumerate(_SETTINGS.items()):
        settings |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    bounds = {"GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    return {**inherited, **_IDENTITY, **settings, **bounds, "LC_ALL": "C.UTF-8"}
