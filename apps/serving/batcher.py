"""Micro-batches that never wait: a batch leaves as soon as the engine is free, with whatever has come in (ADR 2)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from apps.serving.pace import Pace
from apps.serving.timeline import Stay, enter
from libs.common.errors import QueueFull

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """E-mails a batch, e-mails that may wait for an engine or for its second stage, and batches that may run at once."""

    max_batch_size: int
    queue_size: int
    engine_threads: int = 1
    escalation_queue_size: int = 1


class Batcher(Generic[Asked, Answered]):
    """Feeds one engine from one event loop; the engine itself runs on ``executor``'s threads, or, for a batch of which
    ``in_place`` holds, in a turn of the loop.

    ``observe`` is told the size of each batch that leaves.
    """

    def __init__(
        self,
        engine: Callable[[Sequence[Asked]], Sequence[Answered]],
        executor: Executor,
        limits: BatchLimits,
        observe: Callable[[int], None] = lambda size: None,
        in_place: Callable[[Sequence[Asked]], bool] = lambda asked: False,
    ) -> None:
        self._engine = engine
        self._executor = executor
        self._limits = limits
        self._observe = observe
        self._in_place = in_place
        self._waiting: OrderedDict[asyncio.Future[Answered], Asked] = OrderedDict()
        self._stays: dict[asyncio.Future[Answered], Stay] = {}
        self._pace = Pace()
        self._computing = 0
        self._free = limits.engine_threads
        self._leaving = False
        self._busy_since: float | None = None

    @property
    def depth(self) -> int:
        """E-mails that wait for the engine."""
        return len(self._waiting)

    @property
    def wait_s(self) -> float:
        """How long a newcomer would wait for the engine at most, at the pace of its latest batches."""
        return (self._computing + self.depth) * self._pace.seconds_each / self._limits.engine_threads

    async def predict(self, asked: Asked) -> Answered:
        """The engine's answer; QueueFull at once when too many wait. A cancelled caller frees its place, uncomputed."""
        if len(self._waiting) >= self._limits.queue_size:
            raise QueueFull(f"{self._limits.queue_size} e-mails wait already", "send fewer at once, or again later")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answered] = loop.create_future()
        if stay := enter():
            self._stays[answer] = stay
        self._waiting[answer] = asked
        self._leave_soon()
        try:
            return await answer
        finally:
            self._waiting.pop(answer, None)
            if stay:
                self._stays.pop(answer, None)
                stay.end()

    def _leave_soon(self) -> None:
        """At the end of this turn of the loop, so that requests which came in together leave together."""
        if self._free and self._waiting and not self._leaving:
            self._leaving = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._leaving = False
        while self._free and (batch := self._next_batch()):
            self._free -= 1
            self._computing += len(batch)
            self._observe(len(batch))
            for answer in batch if self._stays else ():
                if stay := self._stays.get(answer):
                    stay.leave()
            loop, asked = asyncio.get_running_loop(), list(batch.values())
            left = self._busy_since or loop.time()
            if self._in_place(asked):
                self._arrive(batch, left, predict_each(self._engine, asked))
                # Whoever came in meanwhile is read before the next batch.
                self._leave_soon()
                return
            running = loop.run_in_executor(self._executor, predict_each, self._engine, asked)
            running.add_done_callback(partial(self._return, batch, left))
        self._busy_since = None

    def _next_batch(self) -> dict[asyncio.Future[Answered], Asked]:
        batch: dict[asyncio.Future[Answered], Asked] = {}
        while self._waiting and len(batch) < self._limits.max_batch_size:
            answer, asked = self._waiting.popitem(last=False)
            # A caller that is cancelled in this very turn of the loop is still in the queue.
            if not answer.done():
                batch[answer] = asked
        return batch

    def _return(
        self,
        batch: Collection[asyncio.Future[Answered]],
        left: float,
        done: "asyncio.Future[list[Answered | Exception]]",
    ) -> None:
        failure = done.exception()
        broken: list[Answered | Exception] = [RuntimeError(f"the engine broke: {failure}")] * len(batch)
        self._arrive(batch, left, broken if failure else done.result())
        self._leave()

    def _arrive(self, batch: Collection[asyncio.Future[Answered]], left: float, answers: list[Answered | Exception]) -> None:
        self._free += 1
        self._computing -= len(batch)
        now = asyncio.get_running_loop().time()
        self._pace.learn(len(batch), now - left)
        # What the loop does before the next batch is part of what each e-mail takes, as long as some wait.
        self._busy_since = now if self._waiting else None
        for future, answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def predict_each(engine: Callable[[Sequence[Asked]], Sequence[Answered]], asked: Sequence[Asked]) -> list[Answered | Exception]:
    """One answer or error an e-mail: a batch that fails is tried e-mail by e-mail, so that one can't fail its neighbours."""
    try:
        answers = list(engine(asked))
        if len(answers) != len(asked):
            raise RuntimeError(f"the model gave {len(answers)} answers for {len(asked)} e-mails")
    except Exception as error:  # noqa: BLE001 (a model may raise anything; the error travels to its own caller)
        return [error] if len(asked) == 1 else [answer for each in asked for answer in predict_each(engine, [each])]
    return list(answers)
