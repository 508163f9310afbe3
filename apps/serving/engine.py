"""What computes a model's answers: one queue and batch after the other, or two where the model has two stages (ADR 37)."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from apps.serving.batcher import Batcher, BatchLimits
from apps.serving.loading import LoadedModel
from libs.common.domain.triage import Email, Escalated, Prediction, Said
from libs.common.errors import QueueFull
from libs.common.models.base import Classifier, Probabilities, Staged, Summarizer, answers

# A hand-over to a thread and back costs more than to read so much, and the event loop stands still for some milliseconds
# at most.
SHORT_CHARS = 20_000
MOST_IN_PLACE = 8

# What is left of a request's time when its second stage is given up: enough to write the reply.
REPLY_WITHIN_S = 0.05


Answered = TypeVar("Answered")


class Engine(Protocol):
    """One model at work, asked from one event loop."""

    @property
    def depth(self) -> int:
        """E-mails that wait."""
        ...

    @property
    def wait_s(self) -> float:
        """How long a newcomer would wait for the first answer there is, at the pace of the latest batches."""
        ...

    async def predict(self, email: Email, deadline: float) -> Said:
        """The model's answer before ``deadline``, in the event loop's time, if it can; QueueFull at once when too many wait."""
        ...


class EngineRoom:
    """The threads of one process, and what its models' engines may hold; ``observe`` is told the size of each batch.

    A second stage has a thread of its own: light answers never wait behind a heavy one.
    """

    def __init__(self, limits: BatchLimits, observe: Callable[[int], None] = lambda size: None) -> None:
        self._limits = limits
        self._observe = observe
        self._threads = ThreadPoolExecutor(limits.engine_threads, thread_name_prefix="engine")
        self._escalation = ThreadPoolExecutor(1, thread_name_prefix="escalation")

    def open(self, model: LoadedModel) -> Engine:
        """The engine of ``model``, with batches as large as it likes them within the limits."""
        if not isinstance(model.model, Staged):
            return WholeEngine(self._first(model.engine, model.model))
        second = replace(
            self._fitted(model.model.heavy.batch_size), queue_size=self._limits.escalation_queue_size, engine_threads=1
        )
        stages = Stages(model.labels, model.model)
        return StagedEngine(
            self._first(stages.look, model.model.light),
            Batcher(stages.look_again, self._escalation, second, self._observe),
        )

    def _first(
        self, engine: Callable[[Sequence[Email]], Sequence[Answered]], model: Classifier | Summarizer
    ) -> Batcher[Email, Answered]:
        """In front of what an e-mail meets first."""
        limits = self._fitted(model.batch_size)
        if isinstance(model, Summarizer) or not model.holds_interpreter:
            return Batcher(engine, self._threads, limits, self._observe)
        limits = replace(limits, max_batch_size=min(limits.max_batch_size, MOST_IN_PLACE))
        return Batcher(engine, self._threads, limits, self._observe, in_place=lambda emails: all(map(is_short, emails)))

    def _fitted(self, batch_size: int) -> BatchLimits:
        return replace(self._limits, max_batch_size=min(batch_size, self._limits.max_batch_size))


def is_short(email: Email) -> bool:
    """Whether it is read in a turn of the event loop, where nothing else would run meanwhile anyhow."""
    return len(email.subject) + len(email.body) <= SHORT_CHARS


class WholeEngine:
    """A model of one stage."""

    def __init__(self, batcher: Batcher[Email, Said]) -> None:
        self._batcher = batcher

    @property
    def depth(self) -> int:
        """E-mails that wait."""
        return self._batcher.depth

    @property
    def wait_s(self) -> float:
        """How long a newcomer would wait."""
        return self._batcher.wait_s

    async def predict(self, email: Email, deadline: float) -> Said:
        """The model's answer; whoever set ``deadline`` cancels what comes too late."""
        return await self._batcher.predict(email)


@dataclass(frozen=True, slots=True)
class Look:
    """What the first stage says of an e-mail: its row of probabilities, and whether the second is to be asked."""

    email: Email
    row: Probabilities
    prediction: Prediction
    unsure: bool


@dataclass(frozen=True, slots=True)
class Stages:
    """The two stages of a classifier as engines of their own; together they give what its ``predict`` gives."""

    labels: tuple[str, ...]
    classifier: Staged

    def look(self, emails: Sequence[Email]) -> list[Look]:
        """The first stage."""
        rows = self.classifier.light.predict(emails)
        unsure = self.classifier.unsure(rows).tolist()
        return [Look(*each) for each in zip(emails, rows, answers(self.labels, rows), unsure, strict=True)]

    def look_again(self, looks: Sequence[Look]) -> list[Prediction]:
        """The second."""
        heavy = self.classifier.heavy.predict([look.email for look in looks])
        blended = self.classifier.blend(np.stack([look.row for look in looks]), heavy)
        return [replace(prediction, escalation=Escalated.DONE) for prediction in answers(self.labels, blended)]


class StagedEngine:
    """Two queues: where the second, short one is full, or time runs out in it, the first stage has the last word."""

    def __init__(self, light: Batcher[Email, Look], deep: Batcher[Look, Prediction]) -> None:
        self._light = light
        self._deep = deep

    @property
    def depth(self) -> int:
        """E-mails that wait for either stage."""
        return self._light.depth + self._deep.depth

    @property
    def wait_s(self) -> float:
        """How long a newcomer would wait for the first stage."""
        return self._light.wait_s

    async def predict(self, email: Email, deadline: float) -> Prediction:
        """The answer of the first stage where that is sure, else of both, else of the first again, marked ``shed``."""
        look = await self._light.predict(email)
        if not look.unsure:
            return look.prediction
        try:
            return await self._ask_deep(look, deadline - REPLY_WITHIN_S)
        except (QueueFull, TimeoutError):
            return replace(look.prediction, escalation=Escalated.SHED)

    async def _ask_deep(self, look: Look, deadline: float) -> Prediction:
        if asyncio.get_running_loop().time() + self._deep.wait_s > deadline:
            raise TimeoutError  # it would be, in the end
        async with asyncio.timeout_at(deadline):
            return await self._deep.predict(look)
