"""`triage down`: ends exactly the processes that `triage up` started, and what they started, and nothing else."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from apps.console.runtime import process
from apps.console.runtime.lock import exclusive
from libs.common.config.home import Home

# The flows end first, while there is a server to which they can report; then everything else at once.
_ORDER = (("flows",), ("ray", "prefect"))


def bring_down(home: Home) -> dict[str, int]:
    """End every part; returns how many processes each had. What stands in the state home stays as it is."""
    if not home.run.exists():
        return {}
    with exclusive(home):
        ended: dict[str, int] = {}
        for names in _ORDER:
            ended |= _end_together(home, names)
        return ended


def _end_together(home: Home, names: Sequence[str]) -> dict[str, int]:
    with ThreadPoolExecutor(len(names)) as pool:
        counts = zip(names, pool.map(lambda name: _end(home, name), names), strict=True)
        return {name: count for name, count in counts if count}


def _end(home: Home, name: str) -> int:
    running = process.find(name, home.run)
    if running is None:
        return 0
    count = process.end(running)
    process.forget(name, home.run)
    return count
