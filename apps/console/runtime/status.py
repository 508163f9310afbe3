"""`triage status`: each part as it is now."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from apps.console.runtime import process
from apps.console.runtime.part import Part
from apps.console.runtime.parts import plan
from apps.console.runtime.ports import recall
from libs.common.config.home import Home
from libs.common.config.platform import Platform


@dataclass(frozen=True, slots=True)
class Standing:
    """One part: whether its process runs, whether it works, and where."""

    name: str
    running: bool
    healthy: bool
    fault: str
    pid: int | None
    url: str
    since: str


def look(home: Home, platform: Platform, env: str) -> tuple[Standing, ...]:
    """The standing of every part; nothing before the first `triage up`."""
    ports = recall(home.run / "ports.json")
    if ports is None:
        return ()
    return standings(plan(home, ports, platform, env), home)


def standings(parts: Sequence[Part], home: Home) -> tuple[Standing, ...]:
    """The standing of each of ``parts``, all asked at once."""
    with ThreadPoolExecutor(len(parts)) as pool:
        return tuple(pool.map(lambda part: _standing(part, home), parts))


def _standing(part: Part, home: Home) -> Standing:
    host = process.find("ray" if part.deploys else part.name, home.run)
    running = host is not None and host.alive
    fault = part.check() if running else "is not running"
    return Standing(
        name=part.name,
        running=running if not part.deploys else fault is None,
        healthy=fault is None,
        fault=fault or "",
        pid=host.pid if host and running and not part.deploys else None,
        url=part.url,
        since=host.started_at if host and running else "",
    )
