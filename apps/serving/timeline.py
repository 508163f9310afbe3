"""When a request waited and when it was computed, noted on the way for whoever watches; without a watcher it costs a look."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stay:
    """One e-mail's stay in an engine: in its queue, then in a batch; moments in nanoseconds since 1970, 0 for never."""

    entered_ns: int
    left_ns: int = 0
    ended_ns: int = 0

    def leave(self) -> None:
        """Its batch leaves the queue."""
        self.left_ns = time.time_ns()

    def end(self) -> None:
        """Its answer is there, or nobody waits for it any more."""
        self.ended_ns = time.time_ns()


@dataclass(slots=True)
class Timeline:
    """One request, from its head on; a request for several e-mails has several stays, side by side."""

    began_ns: int = field(default_factory=time.time_ns)
    stays: list[Stay] = field(default_factory=list[Stay])


# Tasks that are made for a request see its timeline: asyncio copies the context.
watched: ContextVar[Timeline | None] = ContextVar("triage_timeline", default=None)


def enter() -> Stay | None:
    """A stay that begins now; None where nobody watches."""
    timeline = watched.get()
    if timeline is None:
        return None
    timeline.stays.append(Stay(time.time_ns()))
    return timeline.stays[-1]
