"""Threads that do one thing again and again."""

import threading
from collections.abc import Callable
from datetime import timedelta


class Repeating:
    """Calls ``action`` at an interval on a thread of its own, from ``start`` to ``stop``; it handles its errors itself."""

    def __init__(self, name: str, every: timedelta, action: Callable[[], object]) -> None:
        self._every_s = every.total_seconds()
        self._action = action
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Repeating":
        """Begin; the first call comes after one interval."""
        self._thread.start()
        return self

    def stop(self, timeout_s: float = 5.0) -> None:
        """End, and wait for a call that is running."""
        self._stopped.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            self._action()
