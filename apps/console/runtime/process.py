"""One process of the platform: started in a session of its own, known by pid and creation time, ended with all it started."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from apps.console.runtime.part import MARK, Part
from libs.common.config.home import REPO, Home
from libs.common.errors import StoreError

_ROUNDS = 5  # a process may start another while it is being ended


@dataclass(frozen=True, slots=True)
class Running:
    """A process as it was started; ``fingerprint`` tells one that was started with other addresses apart."""

    name: str
    pid: int
    created: float
    argv: tuple[str, ...]
    ports: Mapping[str, int]
    started_at: str
    fingerprint: str
    mark: str
    grace_s: float

    @property
    def alive(self) -> bool:
        """Whether it is this very process that runs under the pid."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def start(part: Part, home: Home) -> Running:
    """Start a part with its variables over our own, its output appended to ``logs/NAME.log``."""
    mark = f"{part.name}@{home.run}"
    with (home.logs / f"{part.name}.log").open("ab") as log:
        process = subprocess.Popen(
            part.argv,
            cwd=REPO,
            env={**os.environ, **part.variables, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us, so nobody waits for it
    running = Running(
        name=part.name,
        pid=process.pid,
        created=psutil.Process(process.pid).create_time(),
        argv=part.argv,
        ports=part.ports,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=fingerprint(part),
        mark=mark,
        grace_s=part.grace_s,
    )
    path = home.run / f"{part.name}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(running), indent=2))
    fresh.replace(path)
    return running


def find(name: str, run: Path) -> Running | None:
    """The process ``name`` as it was last started, dead or alive; StoreError where another version wrote the record."""
    path = run / f"{name}.json"
    if not path.exists():
        return None
    known: dict[str, Any] = json.loads(path.read_text())
    if known.keys() != {field.name for field in fields(Running)}:
        hint = f"end process {known.get('pid')} by hand, and remove the file"
        raise StoreError(f"{path} was written by another version of triage", hint)
    known["argv"] = tuple(known["argv"])
    return Running(**known)


def forget(name: str, run: Path) -> None:
    """Drop the record of a process that was ended."""
    (run / f"{name}.json").unlink(missing_ok=True)


def fingerprint(part: Part) -> str:
    """Equal for two starts of the same command with the same addresses."""
    return json.dumps([part.argv, dict(sorted(part.variables.items()))])


def members(running: Running) -> list[psutil.Process]:
    """The process and whatever it started that still lives.

    Ray's workers leave the process group and jobs the session, so three traces count: the mark in the environment, and,
    while the process itself lives, its session and its descendants.
    """
    found = {process.pid: process for process in psutil.process_iter() if _marked(process, running.mark)}
    if running.alive:
        leader = psutil.Process(running.pid)
        found |= {process.pid: process for process in psutil.process_iter() if _session(process) == running.pid}
        found |= {process.pid: process for process in [leader, *_descendants(leader)]}
    found.pop(os.getpid(), None)
    return [process for process in found.values() if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def end(running: Running) -> int:
    """End the process and all it started: SIGTERM, after its grace SIGKILL; returns how many were ended."""
    ended: set[int] = set()
    for attempt in range(_ROUNDS):
        alive = members(running)
        if not alive:
            break
        ended |= {process.pid for process in alive}
        if attempt == 0:
            _signal(alive, signal.SIGTERM)
            alive = psutil.wait_procs(alive, timeout=running.grace_s)[1]
        _signal(alive, signal.SIGKILL)
        psutil.wait_procs(alive, timeout=5)
    return len(ended)


def listening(process: psutil.Process) -> set[int]:
    """The ports at which the process listens."""
    try:
        return {link.laddr.port for link in process.net_connections("tcp") if link.status == psutil.CONN_LISTEN}
    except psutil.Error:
        return set()


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _session(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:
        return None


def _descendants(leader: psutil.Process) -> list[psutil.Process]:
    try:
        return leader.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
