"""The HTTP surface of one replica, on stores in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

from apps.serving.batcher import BatchLimits
from apps.serving.batches.service import ROUTE
from libs.common.domain.triage import Email, Mirror, Outcome, Prediction, Variant
from libs.common.stores.predictions.mirrors import settled
from tests.unit.apps.serving.fakes import Classifier, http_section, ref
from tests.unit.apps.serving.rooms import BODY, answer_work, reach


async def test_an_email_is_answered_and_recorded(opened: Callable[..., Any]) -> None:
    room = await opened()
    reply = await room.http.post("/v1/classify", json=BODY)
    assert reply.status_code == 200
    answer = reply.json()
    assert answer.pop("latency_ms") > 0
    request_id = answer.pop("request_id")
    assert reply.headers.get_list("x-request-id") == [request_id]
    assert (reply.headers["x-model-version"], reply.headers["x-model-variant"]) == ("1", "stable")
    assert answer == {
        "message_id": "<1@example.com>",
        "model": "email_classifier",
        "version": "1",
        "variant": "stable",
        "outcome": "ok",
        "label": "spam",
        "confidence": 0.75,
        "probabilities": {"spam": 0.75, "work": 0.25},
        "escalation": "none",
        "cached": False,
    }
    (event,) = room.events.events
    assert (event.request_id, event.label, event.features) == (request_id, "spam", {"words": 1.0})


async def test_a_list_is_answered_in_order_each_with_an_id_of_its_own(opened: Callable[..., Any]) -> None:
    room = await opened()
    emails = [BODY | {"message_id": f"<{number}>"} for number in range(3)]
    reply = await room.http.post("/v1/classify", json={"emails": emails}, headers={"X-Request-Id": "call-7"})
    results = reply.json()["results"]
    assert [result["message_id"] for result in results] == ["<0>", "<1>", "<2>"]
    assert [result["request_id"] for result in results] == ["call-7-0", "call-7-1", "call-7-2"]
    assert sorted(event.request_id for event in room.events.events) == ["call-7-0", "call-7-1", "call-7-2"]


async def test_a_raw_message_is_answered(opened: Callable[..., Any]) -> None:
    room = await opened()
    raw = b"From: ann@example.com\r\nMessage-ID: <raw@example.com>\r\nSubject: Hi\r\n\r\nLunch?\r\n"
    reply = await room.http.post("/v1/classify", content=raw, headers={"Content-Type": "message/rfc822"})
    assert "raw@example.com" in reply.json()["message_id"]


async def test_every_fault_of_a_request_is_a_problem_document(opened: Callable[..., Any]) -> None:
    room = await opened()
    post = room.http.post
    faults = {
        400: [
            await post("/v1/classify", content=b"{no"),
            await post("/v1/classify", json=[1]),
            await post("/v1/classify", json={"emails": []}),
            await post("/v1/classify", json={"emails": [{}]}),
            await post("/v1/classify", json={"subject": 5}),
            await post("/v1/classify", content=b" ", headers={"Content-Type": "message/rfc822"}),
            await post("/v1/classify", json=BODY, headers={"X-Request-Id": "no id"}),
            await post("/v1/feedback", json={"request_id": "r"}),
            await post("/v1/feedback", json={"request_id": "r", "label": "spam", "lable": "x"}),
        ],
        404: [await room.http.get("/v3")],
        405: [await room.http.get("/v1/classify")],
        413: [await post("/v1/classify", json=BODY | {"body": "x" * 3_000})],
        422: [await post("/v1/feedback", json={"request_id": "r", "label": "nonsense"})],
        401: [await post("/v1/feedback", json={"request_id": "r", "label": "spam"}, headers={"Authorization": "Bearer no"})],
    }
    for status, replies in faults.items():
        for reply in replies:
            assert reply.status_code == status, reply.text
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json()["status"] == status
            assert reply.json()["detail"]
    assert "spam, work" in faults[422][0].json()["hint"]
    assert room.events.events == []


async def test_without_a_model_it_is_alive_but_not_ready(opened: Callable[..., Any]) -> None:
    room = await opened(live=False)
    assert (await room.http.get("/healthz")).status_code == 200
    for reply in (await room.http.get("/readyz"), await room.http.post("/v1/classify", json=BODY)):
        assert reply.status_code == 503
        assert reply.json()["detail"] == "no model is live"
        assert int(reply.headers["retry-after"]) > 0
    room.traffic.change(stable=ref("1"))
    async with asyncio.timeout(5):
        while (ready := await room.http.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.002)
    assert ready.json()["version"] == "1"


async def test_feedback_is_kept_once_a_reporter(opened: Callable[..., Any]) -> None:
    room = await opened()
    said = {"request_id": "r-1", "label": "work", "email": BODY}
    replies = [await room.http.post("/v1/feedback", json=said) for _ in range(2)]
    replies.append(await room.http.post("/v1/feedback", json=said, headers={"Authorization": "Bearer tri_known"}))
    assert [reply.status_code for reply in replies] == [202, 202, 202]
    assert [reply.json()["new"] for reply in replies] == [True, False, True]
    assert set(room.feedback.kept) == {("r-1", "anonymous"), ("r-1", "ann")}
    assert room.feedback.kept["r-1", "ann"].email is not None
    room.feedback.away = True
    assert (await room.http.post("/v1/feedback", json=said)).status_code == 503


async def test_a_candidate_answers_its_share_and_a_failing_one_falls_back(opened: Callable[..., Any]) -> None:
    async def ask(digest: str, email: Email) -> Prediction:
        if email.message_id == "<bad>":
            raise ValueError("broken")
        return await answer_work(digest, email)

    room = await opened(ask=ask)
    room.traffic.change(candidate=ref("2"), weight=1.0)
    await reach(room, 2)
    good = (await room.http.post("/v1/classify", json=BODY)).json()
    bad = (await room.http.post("/v1/classify", json=BODY | {"message_id": "<bad>"})).json()
    assert (good["version"], good["variant"], good["outcome"], good["label"]) == ("2", "candidate", "ok", "work")
    assert (bad["version"], bad["variant"], bad["outcome"], bad["label"]) == ("1", "stable", "fallback", "spam")
    first, second = room.events.events
    assert (first.variant, first.outcome, first.candidate_weight) == (Variant.CANDIDATE, Outcome.OK, 1.0)
    assert (second.variant, second.outcome, second.version) == (Variant.CANDIDATE, Outcome.FALLBACK, "1")
    assert room.metrics.faults["candidate"] == 1


async def test_the_traffic_key_decides_before_the_message_id(opened: Callable[..., Any]) -> None:
    room = await opened()
    room.traffic.change(candidate=ref("2"), weight=0.5)
    await reach(room, 2)
    answers = [
        (await room.http.post("/v1/classify", json=BODY | {"message_id": f"<{n}>"}, headers={"X-Traffic-Key": "team-a"})).json()
        for n in range(20)
    ]
    assert len({answer["variant"] for answer in answers}) == 1


async def test_a_mirror_waits_for_nobody_and_every_request_is_written_before_its_reply(opened: Callable[..., Any]) -> None:
    released = asyncio.Event()

    async def ask(digest: str, email: Email) -> Prediction:
        await released.wait()
        return await answer_work(digest, email)

    room = await opened(ask=ask, candidate_timeout_s=5.0)
    room.traffic.change(candidate=ref("2"), mirror=True)
    await reach(room, 2)
    answers = [(await room.http.post("/v1/classify", json=BODY)).json() for _ in range(3)]
    assert {answer["label"] for answer in answers} == {"spam"}
    # The third is not asked about: two may be out at once.
    assert [event.mirror for event in room.events.events] == [Mirror.AWAITED, Mirror.AWAITED, Mirror.NONE]
    released.set()
    await room.replica.stop()
    events = list(settled(room.events.events))
    assert sorted(str(event.mirror_label) for event in events) == ["None", "work", "work"]
    assert {event.request_id for event in events} == {answer["request_id"] for answer in answers}


async def test_a_broken_engine_is_a_500_without_details_and_an_error_event(opened: Callable[..., Any]) -> None:
    def breaks(emails: Sequence[Email]) -> None:
        raise ValueError("secret weights")

    room = await opened(engine=Classifier(before=breaks))
    reply = await room.http.post("/v1/classify", json=BODY)
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert [event.outcome for event in room.events.events] == [Outcome.ERROR]


async def test_a_request_that_takes_too_long_is_a_504(opened: Callable[..., Any]) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(emails: Sequence[Email]) -> None:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(5)

    room = await opened(engine=Classifier(before=wait), request_timeout_s=0.05)
    reply = await room.http.post("/v1/classify", json=BODY)
    released.set()
    assert reply.status_code == 504
    assert [event.outcome for event in room.events.events] == [Outcome.ERROR]


async def test_a_body_that_dribbles_in_is_a_408(opened: Callable[..., Any]) -> None:
    room = await opened(body_timeout_s=0.05)
    never = asyncio.Event()

    async def dribble() -> AsyncIterator[bytes]:
        yield b'{"subject": '
        await never.wait()

    sent: list[Any] = []
    body = dribble()

    async def receive() -> Any:
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    await room.replica.api(
        {"type": "http", "method": "POST", "path": "/v1/classify", "query_string": b"", "headers": []}, receive, send
    )
    assert sent[0]["status"] == 408
    assert room.metrics.problems[408] == 1


async def test_too_many_at_once_are_told_to_come_again(opened: Callable[..., Any]) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait(emails: Sequence[Email]) -> None:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(5)

    room = await opened(engine=Classifier(before=wait), batch=BatchLimits(max_batch_size=1, queue_size=1))
    waiting = [asyncio.create_task(room.http.post("/v1/classify", json=BODY)) for _ in range(4)]
    refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    released.set()
    replies = await asyncio.gather(*waiting)
    assert {reply.status_code for reply in replies} == {200, 429}
    assert all(task.result().headers["retry-after"] == "1" for task in refused)


async def test_a_full_disk_fails_no_request(opened: Callable[..., Any]) -> None:
    room = await opened(ship_interval=timedelta(hours=1))
    room.events.full = True
    for _ in range(3):
        assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    assert room.metrics.faults["record"] == 3
    ready = await room.http.get("/readyz")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["prediction events are lost: the disk is full"])
    room.events.full = False
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    assert "degraded" not in (await room.http.get("/readyz")).json()


async def test_the_openapi_document_names_every_route(opened: Callable[..., Any]) -> None:
    room = await opened()
    document = (await room.http.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    served = room.replica.api.routes
    documented = {path: set(verbs) - {"parameters"} for path, verbs in document["paths"].items()}
    batches = {path for path in documented if path.startswith(ROUTE)}  # another application's: see its own tests
    assert {path: verbs for path, verbs in documented.items() if path not in batches} == {
        path: {verb.lower() for verb in verbs} for path, verbs in served.items()
    }
    answer = (await room.http.post("/v1/classify", json=BODY)).json()
    assert set(document["components"]["schemas"]["Answer"]["required"]) == set(answer)


async def test_a_mail_that_cannot_be_measured_in_time_is_answered_without_features(opened: Callable[..., Any]) -> None:
    released = threading.Event()

    def measure(email: Email) -> dict[str, float]:
        if email.message_id == "<bad>":
            raise ValueError("no mail at all")
        assert released.wait(5)
        return {"words": 1.0}

    room = await opened(measure=measure)
    for message_id in ("<bad>", "<slow>"):
        assert (await room.http.post("/v1/classify", json=BODY | {"message_id": message_id})).status_code == 200
    released.set()
    assert [event.features for event in room.events.events] == [{}, {}]
    assert room.metrics.faults["features"] == 2


async def test_only_json_and_messages_are_read(opened: Callable[..., Any]) -> None:
    room = await opened()
    for content_type, status in (
        ("application/json; charset=utf-8", 200),
        ("application/vnd.mail+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ):
        reply = await room.http.post("/v1/classify", content=b'{"subject": "Hi"}', headers={"Content-Type": content_type})
        assert reply.status_code == status, content_type
    assert reply.headers["accept"] == "application/json, message/rfc822"
    feedback = await room.http.post("/v1/feedback", content=b"x", headers={"Content-Type": "message/rfc822"})
    assert (feedback.status_code, feedback.headers["accept"]) == (415, "application/json")


async def test_heads_are_bounded(opened: Callable[..., Any]) -> None:
    room = await opened()
    for headers in ({f"X-{number}": "x" for number in range(20)}, {"X-Long": "x" * 3_000}):
        reply = await room.http.get("/healthz", headers=headers)
        assert (reply.status_code, reply.headers["content-type"]) == (431, "application/problem+json")


async def test_endless_nesting_and_attachments_are_refused(opened: Callable[..., Any]) -> None:
    room = await opened(body_limit_bytes=1_000_000)
    many = BODY | {"attachments": [{"name": "a.pdf"}] * 1_001}
    deep = b'{"attachments": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for reply in (await room.http.post("/v1/classify", json=many), await room.http.post("/v1/classify", content=deep)):
        assert (reply.status_code, reply.headers["content-type"]) == (400, "application/problem+json")


async def test_a_wrong_method_is_told_the_right_ones(opened: Callable[..., Any]) -> None:
    room = await opened()
    reply = await room.http.request("DELETE", "/v1/classify")
    assert (reply.status_code, reply.headers["allow"], reply.json()["hint"]) == (405, "POST", "use POST")
    assert (await room.http.options("/v1/classify", headers={"Origin": "https://a.example"})).status_code == 405


async def test_every_reply_carries_one_request_id(opened: Callable[..., Any]) -> None:
    room = await opened()
    for reply in (await room.http.get("/v3"), await room.http.get("/v2/x"), await room.http.post("/v1/classify", json=BODY)):
        assert len(reply.headers.get_list("x-request-id")) == 1


async def test_pages_of_allowed_origins_may_call(opened: Callable[..., Any]) -> None:
    room = await opened(http=http_section(allowed_origins=("https://a.example",)))
    ours, others = {"Origin": "https://a.example"}, {"Origin": "https://b.example"}
    asked = await room.http.options("/v1/classify", headers=ours | {"Access-Control-Request-Method": "POST"})
    assert (asked.status_code, asked.headers["access-control-allow-methods"]) == (200, "POST")
    for reply in (
        asked,
        await room.http.post("/v1/classify", json=BODY, headers=ours),
        await room.http.get("/v3", headers=ours),
    ):
        assert reply.headers["access-control-allow-origin"] == "https://a.example"
        assert reply.headers["vary"] == "Origin"
    refused = await room.http.post("/v1/classify", json=BODY, headers=others)
    assert "access-control-allow-origin" not in refused.headers
