"""The load is open-loop, bounded, aimed at this machine only, and writes down every request exactly once."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, pairwise

import httpx
import pytest

from apps.console.demo.load import Load, LoadPlan, require_loopback
from apps.console.demo.load_records import Kind, SentRequest, count
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import DataError

MAIL = LabelledEmail(Email("<1@x>", "a@b.c", "invoice", "please pay"), "billing", "here")
PLAN = LoadPlan("http://127.0.0.1:9", "calm", rate=200, seconds=2, arrivals="fixed", max_requests=100, feedback_delay_s=0.01)


def answer(request: httpx.Request) -> httpx.Response:
    """What the service says."""
    if request.url.path == "/v1/feedback":
        return httpx.Response(202, json={})
    body = {"request_id": request.headers["x-request-id"], "label": "billing", "outcome": "ok"}
    return httpx.Response(200, json=body, headers={"x-model-version": "3", "x-model-variant": "stable"})


def run(plan: LoadPlan, service=answer) -> list[SentRequest]:
    """Every request of a whole load against ``service``."""
    requests: list[SentRequest] = []
    load = Load(plan, lambda part: cycle([MAIL]), requests.append, httpx.MockTransport(service))
    asyncio.run(load.run())
    return requests


def test_sends_at_its_rate_and_counts_what_came_back() -> None:
    counts = count(run(PLAN))
    assert counts.emails == 100
    assert (counts.failed, counts.answered_twice, counts.strayed, counts.unversioned) == (0, 0, 0, 0)
    assert counts.by_version == {"3": 100}


def test_does_not_wait_for_a_slow_service() -> None:
    under_way, at_once = 0, []

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        await asyncio.sleep(0.4)
        under_way -= 1
        return answer(request)

    requests = run(PLAN, slow)
    assert len(requests) == 100
    assert min(request.latency_ms for request in requests) >= 400
    assert max(at_once) > 10


def test_poisson_arrivals_are_irregular_and_come_again_with_the_seed() -> None:
    plan = LoadPlan("http://127.0.0.1:9", "calm", rate=200, seconds=0.5, seed=4)
    first, second = (sorted(request.due_at for request in run(plan)) for _ in range(2))
    gaps = [later - sooner for sooner, later in pairwise(first)]
    assert len(first) == len(second)
    assert max(gaps) > 2 * min(gaps)


def test_tells_the_right_label_of_the_same_request_and_hands_over_the_email() -> None:
    said = []

    def service(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/feedback":
            said.append(json.loads(request.content))
        return answer(request)

    requests = run(LoadPlan("http://127.0.0.1:9", "calm", 50, 0.2, feedback_share=1.0, feedback_delay_s=0.01), service)
    asked = {request.request_id for request in requests if request.kind is Kind.CLASSIFY}
    assert said
    assert {told["request_id"] for told in said} == asked
    assert {(told["label"], told["email"]["subject"]) for told in said} == {("billing", "invoice")}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (httpx.Response(503, text="away"), "away"),
        (httpx.Response(200, text="not json"), "the reply is none"),
        (httpx.ConnectError("refused"), "ConnectError refused"),
        (httpx.ReadTimeout("late"), "ReadTimeout late"),
    ],
)
def test_everything_but_an_answer_is_a_failure(reply: httpx.Response | Exception, problem: str) -> None:
    def service(request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    requests = run(LoadPlan("http://127.0.0.1:9", "calm", 50, 2, max_requests=5), service)
    assert count(requests).failed == len(requests) == 5
    assert all(problem in request.problem for request in requests)


def test_replies_to_another_request_or_without_a_version_are_counted() -> None:
    def service(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"request_id": "same", "label": "billing", "outcome": "ok"})

    counts = count(run(LoadPlan("http://127.0.0.1:9", "calm", 50, 2, max_requests=5), service))
    assert (counts.emails, counts.failed) == (5, 0)
    assert (counts.answered_twice, counts.strayed, counts.unversioned) == (4, 5, 5)


def test_changes_and_ends_while_it_runs() -> None:
    async def story() -> list[SentRequest]:
        requests: list[SentRequest] = []
        load = Load(PLAN, lambda part: cycle([MAIL]), requests.append, httpx.MockTransport(answer))
        running = asyncio.create_task(load.run())
        while len(requests) < 10:
            await asyncio.sleep(0.005)
        load.change(part="drifted")
        while requests[-1].part != "drifted":
            await asyncio.sleep(0.005)
        load.end()
        await running
        return requests

    requests = asyncio.run(story())
    assert len(requests) < 100
    assert [request.part for request in requests] == sorted(request.part for request in requests)


def test_what_exceeds_the_limit_in_flight_is_failed_not_queued() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.5)
        return answer(request)

    requests = run(LoadPlan("http://127.0.0.1:9", "calm", 100, 2, max_requests=20, max_in_flight=5), never)
    assert sum("not sent" in request.problem for request in requests) == 15


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:80/x", "http://127.9.9.9"])
def test_this_machine_is_a_target(url: str) -> None:
    require_loopback(url)


@pytest.mark.parametrize(
    "url", ["http://example.org", "http://10.0.0.1", "https://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1.example.org", ""]
)
def test_nobody_else_is(url: str) -> None:
    with pytest.raises(DataError, match="not a service of this machine"):
        require_loopback(url)


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"rate": 1e6}, {"seconds": 1e6}, {"feedback_share": 1.5}])
def test_a_plan_without_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DataError, match="the rate goes up to"):
        LoadPlan(**{"url": "http://127.0.0.1:9", "part": "calm", "rate": 1, "seconds": 1, **wrong})


def test_a_request_is_of_the_part_that_its_mail_came_from() -> None:
    requests: list[SentRequest] = []

    def mails(part: str) -> Iterator[LabelledEmail]:
        load.change(part="drifted")
        return cycle([MAIL])

    load = Load(replace(PLAN, max_requests=2), mails, requests.append, httpx.MockTransport(answer))
    asyncio.run(load.run())
    assert [request.part for request in requests] == [PLAN.part, "drifted"]
