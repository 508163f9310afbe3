"""Small flows, served as `python -m tests.integration.small_flows HEARTBEAT`; each notes what it does in a file.

With `TICKS` in the environment, one flow alone that runs by itself, and notes each run in that file.
"""

import asyncio
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from prefect import flow
from prefect.flow_runs import suspend_flow_run

from flows.processes import fork_runs
from flows.serve import Deployment, ServeSettings, serve
from libs.common.stores.orchestrator import Orchestrator


def note(path: str, event: str) -> None:
    """Append one line ``event pid``."""
    with Path(path).open("a") as notes:
        notes.write(f"{event} {os.getpid()}\n")


@flow(name="waits")
def waits(path: str) -> None:
    """Suspend once, then end."""
    note(path, "began")
    suspend_flow_run(key="approval")
    note(path, "went on")


@flow(name="sleeps")
def sleeps(path: str, seconds: float) -> None:
    """Take a while."""
    note(path, "began")
    time.sleep(seconds)
    note(path, "ended")


@flow(name="fails")
def fails() -> None:
    """Raise."""
    raise ValueError("asked to fail")


@flow(name="ticks")
def ticks() -> None:
    """Run again and again."""
    note(os.environ["TICKS"], "ticked")


def main() -> None:
    """Serve the flows; reconciling notes each round. Of those that are started no poll comes in time: the server must tell."""
    heartbeat = Path(sys.argv[1])
    fork_runs(("prefect.flow_engine",))
    deployments = [Deployment(waits, "waits"), Deployment(sleeps, "sleeps"), Deployment(fails, "fails")]
    settings = ServeSettings(poll_interval_s=3600)
    if "TICKS" in os.environ:
        deployments, settings = [Deployment(ticks, "ticks", interval=timedelta(seconds=5))], ServeSettings()
    orchestrator = Orchestrator(os.environ["PREFECT_API_URL"])
    asyncio.run(serve(deployments, orchestrator, lambda: note(f"{heartbeat}.rounds", "reconciled"), heartbeat, settings))


if __name__ == "__main__":
    main()
