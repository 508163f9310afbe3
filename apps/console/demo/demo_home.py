"""The demo's own state home: fresh at each run, and never anybody else's folder."""

import os
import shutil
from pathlib import Path

from apps.console.runtime.down import bring_down
from libs.common.config.home import REPO, Home
from libs.common.errors import StoreError

MARKER = "this-is-a-triage-demo"


def fresh_home() -> Home:
    """An empty home at TRIAGE_HOME, else ``.triage/demo``; an earlier demo there is ended and removed.

    StoreError where the folder holds anything but a demo.
    """
    root = Path(os.environ.get("TRIAGE_HOME") or REPO / ".triage" / "demo").resolve()
    home = Home(root)
    if root.exists() and any(root.iterdir()):
        if not (root / MARKER).is_file():
            raise StoreError(f"{root} is no demo's home and is not empty", "name another folder in TRIAGE_HOME, or unset it")
        bring_down(home)
        shutil.rmtree(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARKER).write_text("`triage demo` removes this folder when it is run again.\n")
    return home
