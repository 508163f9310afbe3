"""One `up` or `down` at a time for a home."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

from libs.common.config.home import Home
from libs.common.errors import StoreError


@contextmanager
def exclusive(home: Home) -> Generator[None]:
    """Hold the home's lock; StoreError where another process holds it. The kernel releases it however the holder ends."""
    home.run.mkdir(parents=True, exist_ok=True)
    with (home.run / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise StoreError(
                f"another `triage up` or `triage down` of {home.root} is at work (process {holder})",
                "wait until it has ended, then ask again",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
