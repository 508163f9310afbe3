"""Where keys are required, each POST carries one, and none asks more than it may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from libs.common.config.model_serving import Http, KeyLimit, Keys
from tests.unit.apps.serving.fakes import http_section
from tests.unit.apps.serving.rooms import BODY

KNOWN = {"Authorization": "Bearer tri_known"}


def keyed(**limit: Any) -> Http:
    default = KeyLimit(**({"emails_per_second": 0.001, "burst": 100, "emails_per_day": 100} | limit))
    return http_section(keys=Keys(required=True, remember=timedelta(seconds=30), default=default, principals={}))


async def test_a_post_without_a_key_is_refused_and_the_rest_stays_open(opened: Callable[..., Any]) -> None:
    room = await opened(http=keyed())
    posts = ("/v1/classify", "/v1/feedback", "/v2/models/email_classifier/infer")
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer tri_unknown"}):
        for path in posts:
            reply = await room.http.post(path, json=BODY, headers=headers)
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/v2", "/v2/health/ready", "/v2/models/email_classifier"):
        assert (await room.http.get(path)).status_code == 200
    assert room.events.events == []


async def test_a_key_is_told_what_it_has_left_and_when_to_come_again(opened: Callable[..., Any]) -> None:
    room = await opened(http=keyed(burst=2))
    first, second, third = [await room.http.post("/v1/classify", json=BODY, headers=KNOWN) for _ in range(3)]
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert first.headers["ratelimit-policy"] == '"burst";q=2;w=2000, "day";q=100;w=86400'
    assert first.headers["ratelimit"].startswith('"burst";r=1;t=')
    assert third.headers["ratelimit"].startswith('"burst";r=0;t=')
    assert 990 < int(third.headers["retry-after"]) <= 1_000
    assert third.headers["content-type"] == "application/problem+json"
    assert len(room.events.events) == 2


async def test_each_email_of_a_list_counts(opened: Callable[..., Any]) -> None:
    room = await opened(http=keyed(emails_per_day=3))
    tensor = {"name": "subject", "datatype": "BYTES", "shape": [2], "data": ["Hello", "Bye"]}
    listed = await room.http.post("/v2/models/email_classifier/infer", json={"inputs": [tensor]}, headers=KNOWN)
    assert '"day";r=1;' in listed.headers["ratelimit"]
    assert (await room.http.post("/v1/classify", json={"emails": [BODY] * 5}, headers=KNOWN)).status_code == 200
    refused = await room.http.post("/v1/classify", json=BODY, headers=KNOWN)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) <= 86_400


async def test_a_principal_may_have_limits_of_its_own(opened: Callable[..., Any]) -> None:
    open_handed = KeyLimit(emails_per_second=1, burst=50, emails_per_day=50)
    keys = keyed(burst=1).keys.model_copy(update={"principals": {"ann": open_handed}})
    room = await opened(http=http_section(keys=keys))
    replies = [await room.http.post("/v1/classify", json=BODY, headers=KNOWN) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 5


async def test_without_keys_nothing_is_counted(opened: Callable[..., Any]) -> None:
    room = await opened()
    reply = await room.http.post("/v1/classify", json=BODY)
    assert reply.status_code == 200
    assert "ratelimit" not in reply.headers
