"""Another model's server is asked under the request's deadline, and left alone where it is not there."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from apps.serving.answerer import Call
from apps.serving.neighbour import ARRIVES_WITHIN_S, Neighbour
from libs.common.domain.triage import TriageResult
from libs.common.errors import QueueFull, Timeout, Unavailable
from tests.unit.apps.serving.fakes import mail

CALLS = [Call("r-1", mail())]


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def neighbour(behave: Callable[[], object], timeout_s: float = 5.0) -> tuple[list[int], Clock, Neighbour]:
    asked: list[int] = []
    clock = Clock()

    async def ask(calls: Sequence[Call]) -> list[TriageResult]:
        asked.append(len(calls))
        found = behave()
        if isinstance(found, Exception):
            raise found
        if found == "hang":
            await asyncio.Event().wait()
        return []

    return asked, clock, Neighbour("email_summarizer", ask, timeout_s, clock)


async def test_one_that_is_not_there_is_asked_once_a_second() -> None:
    asked, clock, line = neighbour(lambda: RuntimeError("no application"))
    for _ in range(6):
        with pytest.raises(Unavailable, match="no email_summarizer is live"):
            await line.answer_all(CALLS)
    assert len(asked) == 3
    clock.now = 1.0
    with pytest.raises(Unavailable):
        await line.answer_all(CALLS)
    assert len(asked) == 4


async def test_one_that_is_busy_is_there() -> None:
    asked, _, line = neighbour(lambda: QueueFull("1000 e-mails wait already"))
    for _ in range(6):
        with pytest.raises(QueueFull, match="1000 e-mails wait"):
            await line.answer_all(CALLS)
    assert len(asked) == 6


async def test_one_that_says_nothing_is_given_up_soon_after_the_deadline() -> None:
    _, _, line = neighbour(lambda: "hang", timeout_s=60)
    loop = asyncio.get_running_loop()
    before = loop.time()
    with pytest.raises(Timeout, match=r"said nothing within 0\.01 s"):
        await line.answer_all([Call("r-1", mail(), timeout_s=0.01)])
    assert loop.time() - before >= ARRIVES_WITHIN_S
