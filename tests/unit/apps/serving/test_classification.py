"""Deadlines, callers who hang up, and explanations on request."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from apps.serving.http import Message
from libs.common.domain.triage import Email, Outcome
from tests.unit.apps.serving.fakes import Classifier, ref
from tests.unit.apps.serving.rooms import BODY, Room, reach


class Held:
    """An engine that waits for ``gate``, and remembers the texts it was given."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.seen: list[str] = []
        self.classifier = Classifier(before=self._see)

    def _see(self, emails: Sequence[Email]) -> None:
        self.seen += [email.body for email in emails if email.message_id != "<warm-up>"]
        assert self.gate.wait(5)

    async def until_seen(self, text: str) -> None:
        async with asyncio.timeout(5):
            while text not in self.seen:
                await asyncio.sleep(0.001)


def post(room: Room, text: str, **headers: str) -> "asyncio.Task[httpx.Response]":
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.create_task(room.http.post("/v1/classify", json=BODY | {"body": text}, headers=named))


async def test_an_email_whose_deadline_passed_never_reaches_the_engine(opened: Callable[..., Any]) -> None:
    held = Held()
    room = await opened(engine=held.classifier)
    first = post(room, "first")
    await held.until_seen("first")
    late = await post(room, "late", X_Request_Timeout_Ms="20")
    held.gate.set()
    assert (late.status_code, (await first).status_code) == (504, 200)
    assert late.json()["detail"].startswith("no answer within")
    assert (await post(room, "next")).status_code == 200
    assert held.seen == ["first", "next"]
    assert [event.outcome for event in room.events.events] == [Outcome.OK, Outcome.OK]


async def test_no_caller_waits_longer_than_the_service_allows(opened: Callable[..., Any]) -> None:
    held = Held()
    room = await opened(engine=held.classifier, request_timeout_s=0.05)
    late = await post(room, "late", X_Request_Timeout_Ms="60000")
    held.gate.set()
    assert late.status_code == 504
    assert "0.05 s" in late.json()["detail"]
    assert [event.outcome for event in room.events.events] == [Outcome.ERROR]


async def test_an_email_whose_caller_hung_up_never_reaches_the_engine(opened: Callable[..., Any]) -> None:
    held = Held()
    room = await opened(engine=held.classifier)
    first = post(room, "first")
    await held.until_seen("first")
    gone = post(room, "gone")
    async with asyncio.timeout(5):
        while getattr(room.metrics, "gauges", (0, 0))[0] < 1:
            await asyncio.sleep(0.001)
    gone.cancel()  # as Serve does
    with pytest.raises(asyncio.CancelledError):
        await gone
    held.gate.set()
    assert (await first).status_code == 200
    assert (await post(room, "next")).status_code == 200
    assert held.seen == ["first", "next"]
    assert room.metrics.faults["client_gone"] == 1


async def test_a_caller_who_hangs_up_before_the_body_is_whole_is_left_alone(opened: Callable[..., Any]) -> None:
    room = await opened()
    messages: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/classify", "headers": [], "query_string": b""}
    await room.replica.api(scope, receive, send)
    assert sent == []
    assert room.metrics.faults["client_gone"] == 1


async def test_where_one_of_a_list_fails_the_others_are_given_up(opened: Callable[..., Any]) -> None:
    held = Held()
    room = await opened(engine=held.classifier)
    first = post(room, "first")
    await held.until_seen("first")
    emails = [BODY | {"body": f"{number}"} for number in range(20)]
    assert (await room.http.post("/v1/classify", json={"emails": emails})).status_code == 429
    held.gate.set()
    await first
    assert (await post(room, "next")).status_code == 200
    assert held.seen == ["first", "next"]


class Wordy(Classifier):
    """Says spam where it reads of a prize."""

    def predict(self, emails: Sequence[Email]) -> Any:
        import numpy as np

        return np.array([[0.9, 0.1] if "prize" in email.body.lower() else [0.4, 0.6] for email in emails])


async def test_an_answer_is_explained_to_those_who_ask(opened: Callable[..., Any]) -> None:
    room = await opened(engine=Wordy())
    body = BODY | {"body": "You won a prize today"}
    answer = (await room.http.post("/v1/classify?explain=true", json=body)).json()
    explanation = answer["explanation"]
    assert (answer["label"], explanation["method"]) == ("spam", "occlusion")
    (reason,) = explanation["reasons"]
    assert (reason["kind"], reason["name"]) == ("word", "prize")
    assert reason["weight"] > 0
    assert "explanation" not in (await room.http.post("/v1/classify", json=body)).json()
    assert "explanation" not in (await room.http.post("/v1/classify?explain=false", json=body)).json()


async def test_lists_and_candidates_are_not_explained(opened: Callable[..., Any]) -> None:
    room = await opened()
    assert (await room.http.post("/v1/classify?explain=true", json={"emails": [BODY]})).status_code == 422
    assert (await room.http.post("/v1/classify?explain=perhaps", json=BODY)).status_code == 400
    room.traffic.change(candidate=ref("2"), weight=1.0)
    await reach(room, 2)
    answer = (await room.http.post("/v1/classify?explain=true", json=BODY)).json()
    assert (answer["version"], answer["explanation"]) == ("2", None)


async def test_explaining_keeps_the_deadline(opened: Callable[..., Any]) -> None:
    gate = threading.Event()
    seen: list[int] = []

    def wait_for_many(emails: Sequence[Email]) -> None:
        seen.append(len(emails))
        assert seen[-1] < 3 or emails[0].message_id == "<warm-up>" or gate.wait(5)

    room = await opened(engine=Classifier(before=wait_for_many))
    body = BODY | {"body": "many more words than one"}
    late = await room.http.post("/v1/classify?explain=true", json=body, headers={"X-Request-Timeout-Ms": "200"})
    gate.set()
    assert late.status_code == 504
    assert late.json()["detail"].startswith("no explanation within")
