"""Micro-batches that never wait: a batch leaves as soon as the engine is free, with whatever has come in (ADR 2)."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from libs.common.domain.triage import Email, Prediction
from libs.common.errors import QueueFull

Engine = Callable[[Sequence[Email]], Sequence[Prediction]]
Answers = list[Prediction | Exception]
_Waiting = tuple[Email, "asyncio.Future[Prediction]"]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """E-mails a batch, e-mails that may wait, and batches that may run at once."""

    max_batch_size: int
    queue_size: int
    engine_threads: int = 1


class Batcher:
    """Feeds one engine from one event loop; the engine itself runs on ``executor``'s threads.

    ``observe`` is told the size of each batch that leaves.
    """

    def __init__(
        self, engine: Engine, executor: Executor, limits: BatchLimits, observe: Callable[[int], None] = lambda size: None
    ) -> None:
        self._engine = engine
        self._executor = executor
        self._limits = limits
        self._observe = observe
        self._waiting: deque[_Waiting] = deque()
        self._free = limits.engine_threads
        self._leaving = False

    @property
    def depth(self) -> int:
        """E-mails that wait for the engine."""
        return len(self._waiting)

    async def predict(self, email: Email) -> Prediction:
        """The engine's answer; QueueFull at once when too many wait. A cancelled caller's e-mail is never computed."""
        if len(self._waiting) >= self._limits.queue_size:
            raise QueueFull(f"{self._limits.queue_size} e-mails wait already", "send fewer at once, or again later")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Prediction] = loop.create_future()
        self._waiting.append((email, answer))
        # At the end of this turn of the loop, so that requests which came in together leave together.
        if self._free and not self._leaving:
            self._leaving = True
            loop.call_soon(self._leave)
        return await answer

    def _leave(self) -> None:
        self._leaving = False
        while self._free and (batch := self._next_batch()):
            self._free -= 1
            self._observe(len(batch))
            emails = [email for email, _ in batch]
            running = asyncio.get_running_loop().run_in_executor(self._executor, predict_each, self._engine, emails)
            running.add_done_callback(lambda done, batch=batch: self._arrive(batch, done))

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._limits.max_batch_size:
            waiting = self._waiting.popleft()
            if not waiting[1].done():
                batch.append(waiting)
        return batch

    def _arrive(self, batch: list[_Waiting], done: "asyncio.Future[Answers]") -> None:
        self._free += 1
        failure = done.exception()
        answers: Answers = [RuntimeError(f"the engine broke: {failure}")] * len(batch) if failure else done.result()
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._leave()


def predict_each(engine: Engine, emails: Sequence[Email]) -> Answers:
    """One answer or error an e-mail: a batch that fails is tried e-mail by e-mail, so that one can't fail its neighbours."""
    try:
        predictions = list(engine(emails))
        if len(predictions) != len(emails):
            raise RuntimeError(f"the model gave {len(predictions)} answers for {len(emails)} e-mails")
    except Exception as error:  # noqa: BLE001 (a model may raise anything; the error travels to its own caller)
        return [error] if len(emails) == 1 else [answer for email in emails for answer in predict_each(engine, [email])]
    return list(predictions)
