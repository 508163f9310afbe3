"""What an operator may see of single requests, both off by default: a log of some, and spans of some. Figures, no content."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.serving.http import Reply, header_in
from apps.serving.sampler import is_sampled
from apps.serving.settings import Observation
from apps.serving.timeline import Timeline, watched
from libs.common.logs import get_logger, log_context

if TYPE_CHECKING:
    from apps.serving.tracing import Tracing

logger = get_logger("serving.access")

# A method that nobody knows may be content as well.
_METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as far as it is shown; ``route`` is the path as OpenAPI writes it, empty for one that is not there."""

    request_id: str
    method: str
    route: str
    headers: Sequence[tuple[bytes, bytes]]


class Observer:
    """Watches the requests of one replica."""

    def __init__(self, model: str, observation: Observation, on_fault: Callable[[str], None]) -> None:
        self._model = model
        self._access_rate = observation.access_rate
        self._tracing = _open_tracing(model, observation, on_fault) if observation.trace_endpoint else None

    def begin(self) -> Timeline:
        """Watch the request of this task, and of those that it makes."""
        timeline = Timeline()
        watched.set(timeline)
        return timeline

    def end(self, timeline: Timeline, seen: Seen, reply: Reply) -> None:
        """Its reply is there."""
        ended_ns = time.time_ns()
        method = seen.method if seen.method in _METHODS else "_OTHER"
        if self._tracing:
            facts: dict[str, str | int] = {
                "http.request.method": method,
                "http.response.status_code": reply.status,
                "triage.request_id": seen.request_id,
            }
            facts |= {"http.route": seen.route} if seen.route else {}
            self._tracing.trace(dict(seen.headers), timeline, ended_ns, facts)
        if is_sampled(seen.request_id, self._access_rate):
            self._log(seen, method, reply, (ended_ns - timeline.began_ns) / 1e6)

    def _log(self, seen: Seen, method: str, reply: Reply, duration_ms: float) -> None:
        version = header_in(reply.headers, b"x-model-version").decode()
        with log_context(
            request_id=seen.request_id,
            model=self._model,
            version=version,
            method=method,
            route=seen.route,
            status=str(reply.status),
            duration_ms=f"{duration_ms:.3f}",
            reply_bytes=str(len(reply.body)),
        ):
            logger.info("answered")

    def close(self) -> None:
        """Send what is left."""
        if self._tracing:
            self._tracing.close()


def _open_tracing(model: str, observation: Observation, on_fault: Callable[[str], None]) -> "Tracing":
    from apps.serving.tracing import Tracing

    return Tracing(model, observation.trace_endpoint, observation.trace_rate, on_fault)
