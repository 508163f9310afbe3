"""Serves flows: registers their deployments, waits for runs, starts each in a process of its own, and beats while it lives."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.flows import Flow
from prefect.runner import Runner

from flows.arrivals import take_arrivals
from flows.processes import end_children, end_with_parent
from libs.common.errors import StoreError
from libs.common.logs import get_logger
from libs.common.stores.orchestrator import Orchestrator

log = get_logger("flows.serve")
_BEAT_S = 1.0


@dataclass(frozen=True)
class Deployment:
    """One flow as it is served, under its own name; without ``cron`` and ``interval`` it runs only when started."""

    flow: Flow[..., Any]
    description: str = ""
    cron: str | None = None
    interval: timedelta | None = None

    @property
    def name(self) -> str:
        """The name of the flow and of its deployment."""
        return self.flow.name


@dataclass(frozen=True)
class ServeSettings:
    """How flows are served; the poll interval bounds how long a run waits of which the server told nobody."""

    poll_interval_s: float = 10.0
    limit: int = 8
    reconcile_interval_s: float = 5.0
    api_patience_s: float = 90.0


async def serve(
    deployments: Sequence[Deployment],
    orchestrator: Orchestrator,
    reconcile: Callable[[], None],
    heartbeat: Path | None = None,
    settings: ServeSettings | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until the poll loop gives up after minutes without a server."""
    settings = settings or ServeSettings()
    await _await_api(orchestrator, settings.api_patience_s)
    crashed = await asyncio.to_thread(orchestrator.recover, [deployment.name for deployment in deployments])
    if crashed:
        log.warning("found %d runs whose process is gone; marked them crashed: %s", len(crashed), ", ".join(crashed))
    # A paused schedule would stay paused after a crash, so shutting down pauses nothing.
    runner = Runner(name="triage", query_seconds=settings.poll_interval_s, limit=settings.limit, pause_on_shutdown=False)
    for deployment in deployments:
        deployment.flow.on_running(end_with_parent)
        await runner.aadd_flow(
            deployment.flow,
            name=deployment.name,
            description=deployment.description,
            cron=deployment.cron,
            interval=deployment.interval,
        )
    stop = threading.Event()
    threading.Thread(target=_reconcile_forever, args=(reconcile, settings.reconcile_interval_s, stop), daemon=True).start()
    try:
        await _run(runner, heartbeat, [deployment.name for deployment in deployments])
    finally:
        stop.set()


async def _await_api(orchestrator: Orchestrator, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not await asyncio.to_thread(orchestrator.healthy):
        if time.monotonic() >= deadline:
            raise StoreError(f"the Prefect server at {orchestrator.api_url} did not answer for {patience_s:g} s", "`triage up`")
        await asyncio.sleep(0.2)


async def _run(runner: Runner, heartbeat: Path | None, names: Sequence[str]) -> None:
    polling = asyncio.create_task(runner.start())
    while not runner.started and not polling.done():
        await asyncio.sleep(0.02)
    stopping = asyncio.create_task(_signalled())
    beating = asyncio.create_task(_beat(heartbeat, names))
    arriving = asyncio.create_task(take_arrivals(runner._get_and_submit_flow_runs))  # pyright: ignore[reportPrivateUsage]
    await asyncio.wait((polling, stopping, beating), return_when=asyncio.FIRST_COMPLETED)
    if stopping.done() and not polling.done():
        await asyncio.to_thread(end_children)
        await runner.astop()
    for task in (stopping, beating, arriving):
        task.cancel()
    await polling


async def _signalled() -> None:
    """Return once the process is asked to end. Set up after the runner's start: its own handler raises inside callbacks."""
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    await signalled.wait()


async def _beat(heartbeat: Path | None, names: Sequence[str]) -> None:
    while True:
        if heartbeat is not None:
            fresh = heartbeat.with_suffix(".new")
            fresh.write_text(json.dumps({"pid": os.getpid(), "at": time.time(), "flows": list(names)}))
            fresh.replace(heartbeat)
        await asyncio.sleep(_BEAT_S)


def _reconcile_forever(reconcile: Callable[[], None], interval_s: float, stop: threading.Event) -> None:
    failures = 0
    while not stop.wait(interval_s):
        try:
            reconcile()
        except Exception:
            failures += 1
            log.warning("reconciling failed, %d in a row", failures, exc_info=True)
        else:
            failures = 0
