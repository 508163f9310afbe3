"""Whether a part of the platform really works: each check returns what is wrong, in words, or None."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from libs.common.http_calls import http

Check = Callable[[], str | None]
_STALE_AFTER_S = 15


def answers(url: str, path: str) -> Check:
    """GET answers 200."""

    def check() -> str | None:
        answer = _get(url + path)
        if isinstance(answer, str):
            return answer
        return None if answer.status_code == httpx.codes.OK.value else f"{url}{path} answers {answer.status_code}"

    return check


def ray_is_up(dashboard: str) -> Check:
    """The dashboard shows a living node, and its Serve API works."""

    def check() -> str | None:
        nodes = _json(f"{dashboard}/nodes?view=summary")
        if isinstance(nodes, str):
            return nodes
        states = [node.get("raylet", {}).get("state") for node in nodes["data"]["summary"]]
        if "ALIVE" not in states:
            return f"no node of the cluster is alive: {states}"
        applications = _json(f"{dashboard}/api/serve/applications/")
        return applications if isinstance(applications, str) else None

    return check


def application_runs(dashboard: str, name: str) -> Check:
    """The Serve application ``name`` is RUNNING."""

    def check() -> str | None:
        found = _json(f"{dashboard}/api/serve/applications/")
        if isinstance(found, str):
            return found
        status = found["applications"].get(name, {}).get("status", "not deployed")
        return None if status == "RUNNING" else f"the Serve application {name} is {status}"

    return check


def beats(heartbeat: Path, pid: Callable[[], int | None]) -> Check:
    """The file is rewritten every second by the process ``pid``."""

    def check() -> str | None:
        if not heartbeat.exists():
            return "has not registered the flows yet"
        beat = json.loads(heartbeat.read_text())
        if beat["pid"] != pid():
            return "has not registered the flows yet"
        age = time.time() - beat["at"]
        return f"has not beaten for {age:.0f} s" if age > _STALE_AFTER_S else None

    return check


def all_of(*checks: Check) -> Check:
    """The first fault of several checks."""
    return lambda: next((fault for check in checks if (fault := check())), None)


def _get(url: str) -> httpx.Response | str:
    try:
        return http().get(url, timeout=5)
    except httpx.HTTPError as error:
        return f"{url} does not answer ({type(error).__name__})"


def _json(url: str) -> Any:
    answer = _get(url)
    if isinstance(answer, str):
        return answer
    return answer.json() if answer.status_code == httpx.codes.OK.value else f"{url} answers {answer.status_code}"
