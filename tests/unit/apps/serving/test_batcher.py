"""Batches leave when the engine is free, the queue is bounded, and one bad e-mail fails alone."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.serving.batcher import Batcher, BatchLimits
from libs.common.domain.triage import Email, Prediction
from libs.common.errors import QueueFull
from tests.unit.apps.serving.fakes import mail


class GatedEngine:
    """Waits for ``gate`` before it answers each batch with the e-mail's own text."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.batches: list[list[str]] = []

    def __call__(self, emails: Sequence[Email]) -> list[Prediction]:
        self.batches.append([email.body for email in emails])
        assert self.gate.wait(5)
        if any(email.body == "poison" for email in emails):
            raise ValueError("cannot read this")
        return [Prediction(email.body, 1.0) for email in emails]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


async def until(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.001)


async def test_what_comes_in_while_the_engine_works_leaves_together(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=3, queue_size=10))
    first = asyncio.create_task(batcher.predict(mail("a")))
    await until(lambda: engine.batches == [["a"]])
    rest = [asyncio.create_task(batcher.predict(mail(text))) for text in "bcde"]
    await asyncio.sleep(0)
    assert batcher.depth == 4
    engine.gate.set()
    answers = await asyncio.gather(first, *rest)
    assert [answer.label for answer in answers] == list("abcde")
    assert engine.batches == [["a"], ["b", "c", "d"], ["e"]]


async def test_a_full_queue_refuses_at_once(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=1, queue_size=2))
    tasks = [asyncio.create_task(batcher.predict(mail("a")))]
    await until(lambda: len(engine.batches) == 1)
    tasks += [asyncio.create_task(batcher.predict(mail(text))) for text in "bc"]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull):
        await batcher.predict(mail("d"))
    engine.gate.set()
    assert [answer.label for answer in await asyncio.gather(*tasks)] == ["a", "b", "c"]


async def test_who_has_left_is_not_computed(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=4, queue_size=4))
    first = asyncio.create_task(batcher.predict(mail("a")))
    await until(lambda: len(engine.batches) == 1)
    gone, stays = (asyncio.create_task(batcher.predict(mail(text))) for text in ("gone", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    engine.gate.set()
    assert (await first).label == "a"
    assert (await stays).label == "stays"
    assert engine.batches == [["a"], ["stays"]]


async def test_who_has_left_frees_the_place(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=1, queue_size=1))
    first = asyncio.create_task(batcher.predict(mail("a")))
    await until(lambda: len(engine.batches) == 1)
    gone = asyncio.create_task(batcher.predict(mail("gone")))
    await until(lambda: batcher.depth == 1)
    gone.cancel()
    await until(gone.done)
    assert batcher.depth == 0
    stays = asyncio.create_task(batcher.predict(mail("stays")))
    engine.gate.set()
    assert [(await task).label for task in (first, stays)] == ["a", "stays"]


async def test_one_bad_email_fails_alone(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    engine.gate.set()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=4, queue_size=4))
    texts = ("a", "poison", "b")
    answers = await asyncio.gather(*(batcher.predict(mail(text)) for text in texts), return_exceptions=True)
    assert isinstance(answers[1], ValueError)
    assert [answer.label for answer in answers if isinstance(answer, Prediction)] == ["a", "b"]


async def test_a_model_that_loses_an_answer_fails_the_request(threads: ThreadPoolExecutor) -> None:
    batcher = Batcher(lambda emails: [], threads, BatchLimits(max_batch_size=4, queue_size=4))
    with pytest.raises(RuntimeError, match="0 answers for 1"):
        await batcher.predict(mail())


async def test_two_engine_threads_work_at_once(threads: ThreadPoolExecutor) -> None:
    engine = GatedEngine()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=1, queue_size=4, engine_threads=2))
    tasks = [asyncio.create_task(batcher.predict(mail(text))) for text in "ab"]
    await until(lambda: len(engine.batches) == 2)
    engine.gate.set()
    await asyncio.gather(*tasks)


class Somewhere:
    """Remembers the thread of each batch."""

    def __init__(self) -> None:
        self.batches: list[tuple[bool, list[str]]] = []

    def __call__(self, emails: Sequence[Email]) -> list[Prediction]:
        texts = [email.body for email in emails]
        self.batches.append((threading.current_thread() is threading.main_thread(), texts))
        return [Prediction(text, 1.0) for text in texts]


async def test_what_is_quick_is_computed_in_turns_of_the_loop_and_the_rest_on_a_thread(threads: ThreadPoolExecutor) -> None:
    engine = Somewhere()
    limits = BatchLimits(max_batch_size=2, queue_size=10)
    batcher = Batcher(engine, threads, limits, in_place=lambda emails: all(len(email.body) == 1 for email in emails))
    texts = ("a", "b", "c", "d", "long", "e")
    answers = await asyncio.gather(*(batcher.predict(mail(text)) for text in texts))
    assert [answer.label for answer in answers] == list(texts)
    assert engine.batches == [(True, ["a", "b"]), (True, ["c", "d"]), (False, ["long", "e"])]
    assert batcher.depth == batcher.wait_s == 0


async def test_between_two_turns_the_loop_turns_to_others(threads: ThreadPoolExecutor) -> None:
    engine = Somewhere()
    batcher = Batcher(engine, threads, BatchLimits(max_batch_size=1, queue_size=10), in_place=lambda emails: True)
    seen: list[int] = []

    async def look() -> None:
        while len(engine.batches) < 4:
            seen.append(len(engine.batches))
            await asyncio.sleep(0)

    await asyncio.gather(look(), *(batcher.predict(mail(text)) for text in "abcd"))
    assert set(seen) == {0, 1, 2, 3}
