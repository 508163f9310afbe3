"""Who would wait too long is refused at once, whole requests at a time, and leaves nothing to do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from apps.serving.batcher import BatchLimits
from libs.common.domain.triage import Email
from tests.unit.apps.serving.fakes import Classifier
from tests.unit.apps.serving.rooms import BODY, Room
from tests.unit.apps.serving.test_batcher import until


class Gate:
    """While it is shut, the engine computes nothing; ``batches`` have begun."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches = 0

    def wait(self, emails: Sequence[Email]) -> None:
        self.batches += 1
        assert self.open.wait(5)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


async def busy(opened: Callable[..., Any], gate: Gate, **changed: Any) -> tuple[Room, asyncio.Task[Any]]:
    """A room that knows its pace and allows no wait at all, with an e-mail in its engine."""
    limits = BatchLimits(max_batch_size=1, queue_size=100)
    room = await opened(engine=Classifier(before=gate.wait), batch=limits, longest_wait_s=0.0, **changed)
    gate.open.set()
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    gate.open.clear()
    task = asyncio.create_task(room.http.post("/v1/classify", json=BODY))
    await until(lambda: gate.batches == 2)
    return room, task


async def test_who_would_wait_too_long_is_refused_though_there_is_room(opened: Callable[..., Any], gate: Gate) -> None:
    room, task = await busy(opened, gate)
    refused = await room.http.post("/v1/classify", json=BODY)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "you would wait" in refused.json()["detail"]
    gate.open.set()
    assert (await task).status_code == 200
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200


async def test_a_list_is_let_in_or_refused_as_a_whole(opened: Callable[..., Any], gate: Gate) -> None:
    room, task = await busy(opened, gate)
    body = {"emails": [BODY] * 5}
    assert (await room.http.post("/v1/classify", json=body)).status_code == 429
    gate.open.set()
    await task
    assert len((await room.http.post("/v1/classify", json=body)).json()["results"]) == 5


async def test_the_facts_of_who_was_refused_are_not_measured(opened: Callable[..., Any], gate: Gate) -> None:
    measured: list[str] = []
    released = threading.Event()
    released.set()

    def measure(email: Email) -> dict[str, float]:
        assert released.wait(5)
        measured.append(email.message_id)
        return {}

    room, task = await busy(opened, gate, measure=measure, body_limit_bytes=100_000)
    released.clear()
    long = BODY | {"body": "Lunch? " * 7_000}
    bodies = [body | {"message_id": f"<{number}>"} for number in range(10) for body in (BODY, long)]
    replies = await asyncio.gather(*(room.http.post("/v1/classify", json=body) for body in bodies))
    assert {reply.status_code for reply in replies} == {429}
    released.set()
    gate.open.set()
    await task
    assert (await room.http.post("/v1/classify", json=long | {"message_id": "<last>"})).status_code == 200
    # One of the ten long ones was being measured already when it was refused.
    assert len(measured) <= 4
    assert measured[-1] == "<last>"
