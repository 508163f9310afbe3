"""Lines of e-mails over HTTP: alone, in lists, with the category; never written down."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from apps.serving.answerer import Call
from apps.serving.facts import OTHER_LINE
from apps.serving.sampler import Sampler
from libs.common.domain.triage import Email, Mirror, Outcome, PredictionSample, Summary, TriageResult, Variant
from libs.common.errors import QueueFull
from tests.unit.apps.serving.fakes import Classifier, Summarizer, http_section, ref
from tests.unit.apps.serving.rooms import BODY, Room, open_room, open_summaries, reach
from tests.unit.apps.serving.test_batcher import until
from tests.unit.apps.serving.test_keys import KNOWN, keyed

Opened = Callable[..., Any]
SECRET = BODY | {"subject": "Lunch with Zacharias"}


@pytest.fixture
async def summaries(tmp_path: Path) -> AsyncIterator[Opened]:
    rooms: list[Room] = []

    async def open_one(**changed: Any) -> Room:
        rooms.append(await open_summaries(tmp_path / "summaries", **changed))
        return rooms[-1]

    yield open_one
    for room in rooms:
        await room.http.aclose()
        await room.replica.stop()


@pytest.fixture
async def triage(tmp_path: Path, summaries: Opened) -> AsyncIterator[Opened]:
    """A classifier's room and a summarizer's, which the former asks."""
    rooms: list[Room] = []

    async def open_both(lines: Summarizer | None = None, **changed: Any) -> tuple[Room, Room]:
        beside = await summaries(engine=lines or Summarizer())
        rooms.append(await open_room(tmp_path, ask_summarizer=beside.replica.answer_all, summary_timeout_s=2.0, **changed))
        return rooms[-1], beside

    yield open_both
    for room in rooms:
        await room.http.aclose()
        await room.replica.stop()


async def test_an_email_gets_a_line_and_the_log_does_not(summaries: Opened) -> None:
    room = await summaries()
    reply = await room.http.post("/v1/summarize", json=SECRET, headers={"X-Request-Id": "r-1"})
    answer = reply.json()
    assert (reply.status_code, reply.headers["x-model-version"], reply.headers["x-model-variant"]) == (200, "1", "stable")
    assert answer.pop("latency_ms") > 0
    assert answer == {
        "request_id": "r-1",
        "message_id": "<1@example.com>",
        "model": "email_summarizer",
        "version": "1",
        "variant": "stable",
        "outcome": "ok",
        "summary": "Lunch with Zacharias",
        "cached": False,
    }
    (event,) = room.events.events
    assert "Zacharias" not in repr(event)
    assert (event.model, event.label, event.confidence) == ("email_summarizer", "", 0.0)
    assert event.features == {"words": 1.0, "summary_words": 3.0}


async def test_a_closer_look_sees_no_line_either(summaries: Opened) -> None:
    samples: list[PredictionSample] = []
    room = await summaries(sampler=Sampler(1, b"k" * 32, samples))
    assert (await room.http.post("/v1/summarize", json=SECRET)).status_code == 200
    ((sample,), (event,)) = samples, room.events.events
    assert (sample.request_id, sample.label, sample.probabilities) == (event.request_id, "", {})
    assert "Zacharias" not in repr(sample)


async def test_a_list_and_a_raw_message_get_theirs(summaries: Opened) -> None:
    room = await summaries()
    emails = [BODY | {"subject": str(number)} for number in range(6)]
    listed = await room.http.post("/v1/summarize", json={"emails": emails}, headers={"X-Request-Id": "call"})
    assert [result["summary"] for result in listed.json()["results"]] == [str(number) for number in range(6)]
    assert {event.request_id for event in room.events.events} == {f"call-{number}" for number in range(6)}
    assert max(room.metrics.batches) == 4  # as many as the summarizer likes
    raw = b"From: ann@example.com\r\nSubject: Hi\r\n\r\nLunch?\r\n"
    reply = await room.http.post("/v1/summarize", content=raw, headers={"Content-Type": "message/rfc822"})
    assert reply.json()["summary"] == "Hi"


async def test_every_fault_is_a_problem_document(summaries: Opened) -> None:
    room = await summaries()
    post = room.http.post
    faults = {
        400: await post("/v1/summarize", json={"emails": []}),
        404: await post("/v1/classify", json=BODY),
        405: await room.http.get("/v1/summarize"),
        413: await post("/v1/summarize", json=BODY | {"body": "x" * 3_000}),
        415: await post("/v1/summarize", content=b"x", headers={"Content-Type": "text/plain"}),
    }
    for status, reply in faults.items():
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert room.events.events == []


async def test_without_a_version_it_says_which_model_is_missing(summaries: Opened) -> None:
    reply = await (await summaries(live=False)).http.post("/v1/summarize", json=BODY)
    assert (reply.status_code, int(reply.headers["retry-after"])) == (503, 2)
    assert "email_summarizer" in reply.json()["hint"]


async def test_the_same_content_is_summarized_once_and_the_same_key_answered_once(summaries: Opened) -> None:
    room = await summaries(result_cache_bytes=100_000, result_ttl_s=60.0)
    await until(lambda: hasattr(room.metrics, "kept_bytes"))  # the first tick drops what was kept before it
    keyed = {"Idempotency-Key": "k"}
    first, again = [await room.http.post("/v1/summarize", json=BODY, headers=keyed) for _ in range(2)]
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
    results = [(await room.http.post("/v1/summarize", json=BODY)).json() for _ in range(3)]
    assert results[-1]["cached"]
    assert {result["summary"] for result in results} == {"Hello"}


async def test_keys_count_each_email(summaries: Opened) -> None:
    room = await summaries(http=keyed(emails_per_day=3))
    assert (await room.http.post("/v1/summarize", json=BODY)).status_code == 401
    listed = await room.http.post("/v1/summarize", json={"emails": [BODY] * 3}, headers=KNOWN)
    assert (listed.status_code, '"day";r=0;' in listed.headers["ratelimit"]) == (200, True)
    assert (await room.http.post("/v1/summarize", json=BODY, headers=KNOWN)).status_code == 429


async def test_a_candidate_answers_its_share_and_a_failing_one_falls_back(summaries: Opened) -> None:
    async def ask(digest: str, email: Email) -> Summary:
        if email.message_id == "<bad>":
            raise ValueError("broken")
        return Summary("From the candidate")

    room = await summaries(ask=ask)
    room.traffic.change(candidate=ref("2"), weight=1.0)
    await reach(room, 2)
    good = (await room.http.post("/v1/summarize", json=BODY)).json()
    bad = (await room.http.post("/v1/summarize", json=BODY | {"message_id": "<bad>"})).json()
    assert (good["version"], good["variant"], good["summary"]) == ("2", "candidate", "From the candidate")
    assert (bad["version"], bad["variant"], bad["outcome"], bad["summary"]) == ("1", "stable", "fallback", "Hello")
    assert [event.outcome for event in room.events.events] == [Outcome.OK, Outcome.FALLBACK]
    assert room.events.events[1].variant is Variant.CANDIDATE


async def test_a_mirrored_line_leaves_only_whether_it_is_alike(summaries: Opened) -> None:
    async def ask(digest: str, email: Email) -> Summary:
        return Summary("hello there" if email.message_id == "<alike>" else "Zacharias")

    room = await summaries(ask=ask)
    room.traffic.change(candidate=ref("2"), mirror=True)
    await reach(room, 2)
    for message_id in ("<alike>", "<other>"):
        answer = (await room.http.post("/v1/summarize", json=BODY | {"message_id": message_id})).json()
        assert answer["summary"] == "Hello"
    await room.replica.stop()
    answered = [event for event in room.events.events if event.mirror is Mirror.ANSWERED]
    assert sorted(str(event.mirror_label) for event in answered) == ["", OTHER_LINE]
    assert "Zacharias" not in repr(room.events.events)


async def test_both_answers_come_in_one_and_are_computed_at_once(triage: Opened) -> None:
    meeting = threading.Barrier(2)

    def meet(emails: Sequence[Email]) -> None:
        if emails[0].message_id != "<warm-up>":
            meeting.wait(5)

    room, beside = await triage(Summarizer(meet), engine=Classifier(before=meet))
    reply = await room.http.post("/v1/triage", json=SECRET, headers={"X-Request-Id": "both"})
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    assert (answer["request_id"], answer["message_id"]) == ("both", "<1@example.com>")
    assert (answer["classification"]["label"], answer["summarization"]["summary"]) == ("spam", "Lunch with Zacharias")
    assert reply.headers["x-model-version"] == "email_classifier/1,email_summarizer/1"
    for events in (room.events.events, beside.events.events):
        assert [event.request_id for event in events] == ["both"]


async def test_a_list_is_triaged_in_its_order(triage: Opened) -> None:
    room, beside = await triage()
    emails = [BODY | {"subject": str(number)} for number in range(3)]
    results = (await room.http.post("/v1/triage", json={"emails": emails})).json()["results"]
    assert [result["summarization"]["summary"] for result in results] == ["0", "1", "2"]
    ids = [result["request_id"] for result in results]
    assert [event.request_id for event in beside.events.events] == ids
    assert sorted(event.request_id for event in room.events.events) == sorted(ids)


async def test_where_there_is_no_summarizer_the_classifier_goes_on_alone(opened: Opened) -> None:
    asked: list[int] = []

    async def nobody(calls: Sequence[Call]) -> list[TriageResult]:
        asked.append(len(calls))
        raise RuntimeError("no application")

    room = await opened(ask_summarizer=nobody)
    for path in ("/v1/triage", "/v1/summarize") * 3:
        reply = await room.http.post(path, json=BODY)
        assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
        assert "email_summarizer" in reply.json()["hint"]
        assert int(reply.headers["retry-after"]) > 0
    assert asked == [1, 1, 1]
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    assert (await room.http.get("/readyz")).status_code == 200


async def test_what_the_summarizers_refuse_is_refused(opened: Opened) -> None:
    async def full(calls: Sequence[Call]) -> list[TriageResult]:
        raise QueueFull("1000 e-mails wait already", "send fewer at once, or again later")

    room = await opened(ask_summarizer=full, http=http_section())
    replies = [await room.http.post("/v1/triage", json=BODY) for _ in range(5)]
    assert {reply.status_code for reply in replies} == {429}
    assert replies[-1].headers["retry-after"]
