"""Waiting for a condition, never for luck: polls until it holds, and says what did not happen when the time is over."""

import time
from collections.abc import Callable
from typing import TypeVar

from libs.common.errors import TriageError

Found = TypeVar("Found")
_POLL_S = 0.25


def until(what: str, look: Callable[[], Found | None], within_s: float, hint: str = "") -> Found:
    """The first thing ``look`` finds that is neither None nor False; TriageError when nothing came in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        if time.monotonic() >= deadline:
            raise TriageError(f"{what}: not within {within_s:g} s", hint)
        time.sleep(_POLL_S)
