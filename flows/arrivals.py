"""Starts runs when they arrive: the server tells of them, so that nobody has to ask it all the time (ADR 40)."""

import asyncio
from collections.abc import Awaitable, Callable

from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

from libs.common.logs import get_logger

log = get_logger("flows.arrivals")
# What makes a run due: it was started, or what suspended it is over. Whatever else may do so waits for the runner's own poll.
_STARTED, _RESUMED = "prefect.flow-run.Scheduled", "prefect.flow-run.Resuming"
_PAUSE_S = 1.0

Poll = Callable[[], Awaitable[None]]


async def take_arrivals(poll: Poll) -> None:
    """Call ``poll``, which starts what is due, after each event that makes a run due, and once whenever the server is there
    (again); until cancelled."""
    due = EventFilter(event=EventNameFilter(name=[_STARTED, _RESUMED]))
    while True:
        try:
            async with get_events_subscriber(due, reconnection_attempts=0) as events, asyncio.TaskGroup() as resumed:
                await poll()
                async for event in events:
                    await poll()
                    if event.event == _RESUMED:
                        resumed.create_task(_insist(poll))
        except Exception:  # whatever it was: the runner's own poll goes on, and a server that went away may be back soon
            log.debug("the server does not tell of runs now", exc_info=True)
        await asyncio.sleep(_PAUSE_S)


async def _insist(poll: Poll) -> None:
    """Poll for ten seconds: a run that was suspended a moment ago is not started again before its process is gone."""
    for _ in range(20):
        await asyncio.sleep(0.5)
        await poll()
