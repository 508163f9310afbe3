"""The candidate slot: the version under test in a Serve application of its own, and the one call that reaches it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from apps.serving.breaker import Breaker
from apps.serving.engine import EngineRoom
from apps.serving.errors import CandidateFailed
from apps.serving.loading import LoadedModel
from apps.serving.settings import ReplicaSettings
from libs.common.domain.model import ModelRef
from libs.common.domain.triage import Email, Said
from libs.common.errors import Unavailable
from libs.common.logs import get_logger

logger = get_logger("serving.slot")

LoadModel = Callable[[ModelRef, ReplicaSettings], LoadedModel]
Ask = Callable[[str, Email], Awaitable[Said]]
"""Ask the slot for the version with this digest."""


def slot_name(model: str) -> str:
    """The Serve application that holds ``model``'s candidate."""
    return f"{model}--candidate"


class Slot:
    """A replica of the slot. It is constructed with its model loaded and warm, so a deployed slot is a ready slot."""

    def __init__(self, ref: ModelRef, settings: ReplicaSettings, load: LoadModel) -> None:
        self._model = load(ref, settings)
        self._engine = EngineRoom(settings.batch).open(self._model)
        self._patience_s = settings.candidate_timeout_s

    async def predict(self, digest: str, email: Email) -> Said:
        """The candidate's answer; Unavailable when this slot holds another version than the caller means."""
        if digest != self._model.ref.digest:
            raise Unavailable(f"the slot holds {self._model.ref}, not the version with digest {digest[:12]}")
        return await self._engine.predict(email, asyncio.get_running_loop().time() + self._patience_s)

    async def loaded(self) -> str:
        """The digest of the version it holds."""
        return self._model.ref.digest


class Candidate(Protocol):
    """Whoever answers for the version under test."""

    async def predict(self, ref: ModelRef, email: Email) -> Said:
        """What it says; CandidateFailed for whatever goes wrong."""
        ...


class SlotLine:
    """The line from a replica to the slot: one call under a deadline, none at all while the slot keeps failing."""

    def __init__(self, ask: Ask, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._timeout_s = timeout_s
        self._clock = clock
        self._breaker = Breaker()

    async def predict(self, ref: ModelRef, email: Email) -> Said:
        """What the candidate says; CandidateFailed for whatever goes wrong, at the latest after the deadline."""
        if not self._breaker.allows(self._clock()):
            raise CandidateFailed(f"{ref} failed again and again; it is left alone for a moment")
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await self._ask(ref.digest, email)
        except Exception as error:
            self._breaker.fail(self._clock())
            logger.warning("candidate %s did not answer: %s: %s", ref, type(error).__name__, error)
            raise CandidateFailed(f"{ref}: {type(error).__name__}: {error}") from error
        self._breaker.succeed()
        return said


def ask_slot(model: str) -> Ask:
    """The call to ``model``'s slot; the handle is made at the first call, and found again after each new deployment."""
    from ray import serve
    from ray.serve.handle import DeploymentHandle

    handles: list[DeploymentHandle[Any]] = []

    async def ask(digest: str, email: Email) -> Said:
        if not handles:
            handles.append(serve.get_deployment_handle(Slot.__name__, app_name=slot_name(model)))
        response = handles[0].predict.remote(digest, email)
        try:
            return await response
        except asyncio.CancelledError:
            response.cancel()
            raise

    return ask
