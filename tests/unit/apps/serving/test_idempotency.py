"""With an Idempotency-Key a request is answered once, however often it is sent."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from apps.serving.errors import InFlight, Unprocessable
from apps.serving.http import Reply, Request
from apps.serving.idempotency import Idempotency
from libs.common.errors import BadRequest, Unavailable
from tests.unit.apps.serving.rooms import BODY


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """A route that counts its calls; ``failing`` makes it fail, ``gate`` holds it."""

    def __init__(self, reply_bytes: int = 10) -> None:
        self.calls = 0
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._reply_bytes = reply_bytes

    async def __call__(self, request: Request, request_id: str) -> Reply:
        self.calls += 1
        await self.gate.wait()
        if self.failing:
            raise Unavailable("no model is live")
        return Reply(200, b"%d" % self.calls * self._reply_bytes)


def sent(key: str = "k", body: bytes = b"{}", owner: str = "", query: bytes = b"") -> Request:
    return Request("POST", "/v1/classify", {b"idempotency-key": key.encode()}, body, query, owner=owner)


async def test_nothing_is_repeated_once_somebody_is_forgotten() -> None:
    route = Counting()
    idempotency = Idempotency(60, 10_000, Clock())
    once = idempotency.once(route)
    first = await once(sent(), "1")
    idempotency.forget()
    again = await once(sent(), "2")
    assert (first.body != again.body, again.headers) == (True, ())
    route.gate.clear()
    under_way = asyncio.create_task(once(sent("other"), "3"))
    await asyncio.sleep(0)
    idempotency.forget()
    route.gate.set()
    await under_way
    assert (await once(sent("other"), "4")).headers == ()


async def test_the_same_request_gets_the_same_answer_until_it_is_old() -> None:
    clock, route = Clock(), Counting()
    once = Idempotency(60, 10_000, clock).once(route)
    first, again = await once(sent(), "1"), await once(sent('"k"'), "2")
    assert first.body == again.body
    assert (first.headers, again.headers) == ((), ((b"idempotency-replayed", b"true"),))
    clock.now = 60
    assert (await once(sent(), "3")).body != first.body
    assert route.calls == 2


@pytest.mark.parametrize("other", [sent(body=b"[]"), sent(query=b"explain=true")])
async def test_another_request_with_the_same_key_is_refused(other: Request) -> None:
    once = Idempotency(60, 10_000, Clock()).once(Counting())
    await once(sent(), "1")
    with pytest.raises(Unprocessable):
        await once(other, "2")


async def test_callers_do_not_share_keys() -> None:
    route = Counting()
    once = Idempotency(60, 10_000, Clock()).once(route)
    await once(sent(owner="ann"), "1")
    await once(sent(owner="bob", body=b"[]"), "2")
    assert route.calls == 2


async def test_one_that_is_under_way_is_a_conflict() -> None:
    route = Counting()
    once = Idempotency(60, 10_000, Clock()).once(route)
    route.gate.clear()
    first = asyncio.ensure_future(once(sent(), "1"))
    await asyncio.sleep(0)
    with pytest.raises(InFlight):
        await once(sent(), "2")
    with pytest.raises(Unprocessable):
        await once(sent(body=b"[]"), "3")
    route.gate.set()
    assert (await first).status == 200
    assert route.calls == 1


async def test_what_failed_or_was_given_up_is_asked_again() -> None:
    route = Counting()
    once = Idempotency(60, 10_000, Clock()).once(route)
    route.failing = True
    with pytest.raises(Unavailable):
        await once(sent(), "1")
    route.failing = False
    route.gate.clear()
    given_up = asyncio.ensure_future(once(sent(), "2"))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    route.gate.set()
    assert (await once(sent(), "3")).status == 200
    assert route.calls == 3


async def test_the_oldest_answers_go_when_there_are_too_many_bytes() -> None:
    route = Counting(reply_bytes=3_000)
    once = Idempotency(60, 10_000, Clock()).once(route)
    for key in ("a", "b", "c"):
        await once(sent(key), key)
    await once(sent("c"), "again")
    assert route.calls == 3
    await once(sent("a"), "again")
    assert route.calls == 4


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, '"half'])
async def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(BadRequest):
        await Idempotency(60, 10_000, Clock()).once(Counting())(sent(key), "1")


async def test_a_repeated_classification_is_one_event(opened: Callable[..., Any]) -> None:
    room = await opened()
    replies = [await room.http.post("/v1/classify", json=BODY, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert replies[0].content == replies[1].content
    assert replies[1].headers["idempotency-replayed"] == "true"
    assert len(room.events.events) == 1
    other = await room.http.post("/v1/classify", json=BODY | {"body": "Dinner?"}, headers={"Idempotency-Key": "k-1"})
    assert other.status_code == 422
