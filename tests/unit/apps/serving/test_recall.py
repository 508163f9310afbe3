"""A replica gives the same content the same answer again, and everything around the answer goes on as without."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from libs.common.domain.triage import Email
from tests.unit.apps.serving.fakes import Classifier, ref
from tests.unit.apps.serving.rooms import BODY, Room, open_room, reach
from tests.unit.apps.serving.test_batcher import until

CACHING = {"result_cache_bytes": 100_000, "result_ttl_s": 60.0}


class Counting(Classifier):
    """Counts the e-mails that are computed."""

    def __init__(self) -> None:
        self.computed = 0
        super().__init__("spam", self._count)

    def _count(self, emails: Sequence[Email]) -> None:
        self.computed += sum(email.message_id != "<warm-up>" for email in emails)


@pytest.fixture
def engine() -> Counting:
    return Counting()


@pytest.fixture
async def opened(tmp_path: Path, engine: Counting) -> AsyncIterator[Callable[..., Any]]:
    rooms: list[Room] = []

    async def open_one(**changed: Any) -> Room:
        rooms.append(await open_room(tmp_path, engine=engine, **changed))
        # The first tick finds out what is live and drops what was kept before it.
        if "result_cache_bytes" in changed:
            await until(lambda: hasattr(rooms[-1].metrics, "kept_bytes"))
        return rooms[-1]

    yield open_one
    for room in rooms:
        await room.http.aclose()
        await room.replica.stop()


async def ask(room: Room, number: int = 0) -> dict[str, Any]:
    reply = await room.http.post("/v1/classify", json=BODY | {"message_id": f"<{number}>", "sender": f"{number}@example.com"})
    assert reply.status_code == 200
    return reply.json()


async def test_the_same_content_is_computed_once_and_each_request_is_remembered(
    opened: Callable[..., Any], engine: Counting
) -> None:
    room = await opened(**CACHING)
    answers = [await ask(room, number) for number in range(3)]
    assert engine.computed == 1
    assert [answer["cached"] for answer in answers] == [False, True, True]
    assert [answer["message_id"] for answer in answers] == ["<0>", "<1>", "<2>"]
    said = [{name: answer[name] for name in ("version", "label", "confidence", "probabilities")} for answer in answers]
    assert said[0] == said[1] == said[2]
    assert [event.request_id for event in room.events.events] == [answer["request_id"] for answer in answers]
    assert all((event.label, event.features) == ("spam", {"words": 1.0}) for event in room.events.events)
    assert room.metrics.answers["ok"] == 3
    assert room.metrics.lookups == {"miss": 1, "hit": 2}


async def test_without_a_cache_everything_is_computed(opened: Callable[..., Any], engine: Counting) -> None:
    room = await opened()
    assert [(await ask(room))["cached"] for _ in range(2)] == [False, False]
    assert engine.computed == 2


@pytest.mark.parametrize("wanted", [{"weight": 0.0}, {"weight": 1.0}, {"mirror": True}])
async def test_beside_a_candidate_nothing_is_recalled(
    opened: Callable[..., Any], engine: Counting, wanted: dict[str, Any]
) -> None:
    room = await opened(**CACHING)
    await ask(room)
    room.traffic.change(candidate=ref("2"), **wanted)
    await reach(room, 2)
    assert [(await ask(room))["cached"] for _ in range(2)] == [False, False]
    assert engine.computed == (1 if wanted == {"weight": 1.0} else 3)
    room.traffic.change(candidate=None, weight=0.0, mirror=False)
    await reach(room, 3)
    assert (await ask(room))["cached"]


@pytest.mark.parametrize("wanted", [{"stable": ref("2")}, {"forgotten_at": datetime(2026, 1, 1, tzinfo=UTC)}])
async def test_a_release_and_an_erasure_drop_what_was_kept(opened: Callable[..., Any], wanted: dict[str, Any]) -> None:
    room = await opened(**CACHING)
    await ask(room)
    assert (await ask(room))["cached"]
    room.traffic.change(**wanted)
    async with asyncio.timeout(5):
        while (await ask(room))["cached"]:
            await asyncio.sleep(0.002)


async def test_an_answer_that_failed_is_not_kept(opened: Callable[..., Any], engine: Counting) -> None:
    room = await opened(**CACHING)

    def fail(emails: Sequence[Email]) -> None:
        raise ValueError("broken")

    engine._before = fail
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 500
    engine._before = engine._count
    assert not (await ask(room))["cached"]
