"""The line from one model's replica to the server of another: one call for all e-mails of a request, under its deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from apps.serving.answerer import Call
from apps.serving.breaker import Breaker
from libs.common.domain.triage import TriageResult
from libs.common.errors import Timeout, Unavailable, own_cause
from libs.common.logs import get_logger

logger = get_logger("serving.neighbour")

AskAll = Callable[[Sequence[Call]], Awaitable[list[TriageResult]]]
"""Ask another model's server to answer these calls."""

# The other side keeps the deadline, and says what was amiss; only where it says nothing is it given up here.
ARRIVES_WITHIN_S = 0.25


class Neighbour:
    """Another model, by the answers of its server; left alone for a moment where it keeps failing to be there."""

    def __init__(self, model: str, ask: AskAll, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._ask = ask
        self._timeout_s = timeout_s
        self._clock = clock
        self._breaker = Breaker()

    @property
    def hint(self) -> str:
        """What to do where it is not there."""
        return f"release a version first: triage promote {self._model} VERSION"

    async def answer_all(self, calls: Sequence[Call]) -> list[TriageResult]:
        """Its answers, in the order of ``calls``. Unavailable where it is not there, Timeout, or its own refusal."""
        if not self._breaker.allows(self._clock()):
            raise Unavailable(f"no {self._model} is live", self.hint)
        limit_s = min(self._timeout_s, *(call.timeout_s for call in calls))
        try:
            async with asyncio.timeout(limit_s + ARRIVES_WITHIN_S):
                answers = await self._ask(calls)
        except TimeoutError:
            self._breaker.fail(self._clock())
            raise Timeout(f"{self._model} said nothing within {limit_s:.3g} s", "send it again later") from None
        except Exception as error:
            if refusal := own_cause(error):
                self._breaker.succeed()
                raise refusal from None
            self._breaker.fail(self._clock())
            logger.warning("%s cannot be asked: %s: %s", self._model, type(error).__name__, error)
            raise Unavailable(f"no {self._model} is live", self.hint) from error
        self._breaker.succeed()
        return answers


def ask_server(model: str) -> AskAll:
    """The call to ``model``'s server; the handle is made at the first call that finds it deployed."""
    from ray import serve
    from ray.serve.handle import DeploymentHandle

    handles: list[DeploymentHandle[Any]] = []

    async def ask(calls: Sequence[Call]) -> list[TriageResult]:
        if not handles:
            handles.append(serve.get_app_handle(model))
        response = handles[0].answer_all.remote(calls)
        try:
            return await response
        except asyncio.CancelledError:
            response.cancel()
            raise

    return ask
