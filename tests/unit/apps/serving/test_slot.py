"""The line to the slot fails fast, and leaves a slot alone that keeps failing."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.serving.breaker import Breaker
from apps.serving.errors import CandidateFailed
from apps.serving.slot import Slot, SlotLine
from libs.common.domain.triage import Email, Prediction
from libs.common.errors import Unavailable
from tests.unit.apps.serving.fakes import loaded, mail, ref, settings

ANSWER = Prediction("work", 1.0)


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def asking(behave: Callable[[int], object]) -> tuple[list[str], Callable[[str, Email], object]]:
    asked: list[str] = []

    async def ask(digest: str, email: Email) -> Prediction:
        asked.append(digest)
        found = behave(len(asked))
        if isinstance(found, Exception):
            raise found
        if found == "hang":
            await asyncio.sleep(60)
        return ANSWER

    return asked, ask


async def test_a_slow_or_failing_candidate_is_one_error() -> None:
    for behave in (lambda _: "hang", lambda _: ValueError("broken")):
        _, ask = asking(behave)
        with pytest.raises(CandidateFailed):
            await SlotLine(ask, timeout_s=0.02).predict(ref("2"), mail())


async def test_after_three_failures_it_is_asked_once_a_second_until_it_answers() -> None:
    asked, ask = asking(lambda count: ValueError("broken") if count <= 4 else "answer")
    clock = Clock()
    line = SlotLine(ask, timeout_s=1, clock=clock)
    for _ in range(10):
        with pytest.raises(CandidateFailed):
            await line.predict(ref("2"), mail())
    assert len(asked) == 3
    clock.now = 1.0
    for _ in range(2):
        with pytest.raises(CandidateFailed):
            await line.predict(ref("2"), mail())
    assert len(asked) == 4
    clock.now = 2.0
    for _ in range(3):
        assert await line.predict(ref("2"), mail()) == ANSWER
    assert len(asked) == 7


def test_a_breaker_counts_failures_in_a_row_only() -> None:
    breaker = Breaker(failures_to_open=2, cool_off_s=1)
    breaker.fail(0)
    breaker.succeed()
    breaker.fail(0)
    assert breaker.allows(0.5)
    breaker.fail(0)
    assert not breaker.allows(0.5)


async def test_a_slot_answers_only_for_the_version_it_holds(tmp_path: Path) -> None:
    slot = Slot(ref("2"), settings(tmp_path), lambda wanted, _: loaded(wanted.version))
    assert (await slot.predict("digest-2", mail())).label == "spam"
    assert await slot.loaded() == "digest-2"
    with pytest.raises(Unavailable, match="email_classifier/2"):
        await slot.predict("digest-3", mail())
