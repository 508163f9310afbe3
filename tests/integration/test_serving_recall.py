"""Replicas keep their answers, and an erasure makes every one of them drop what it keeps, without a request."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from libs.common.http_calls import http
from tests.integration.serving_service import Service, running_service, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving"), result_cache_bytes=1_000_000, result_ttl_s=600.0) as running:
        running.clear()
        yield running


def shown(service: Service, series: str) -> float:
    lines = http().get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def ask(service: Service, about: str, times: int, at_once: int = 1) -> list[bool]:
    """Whether each of so many replies to one content came from the cache."""
    body = {"subject": "Hello", "body": about}
    with ThreadPoolExecutor(at_once) as callers:
        replies = callers.map(lambda _: http().post(f"{service.url}/v1/classify", json=body), range(times))
        return [reply.json()["cached"] for reply in replies]


def test_an_erasure_reaches_every_replica(service: Service) -> None:
    cached = ask(service, "Lunch?", 40, at_once=4)
    assert 2 <= cached.count(False) <= 8  # in each replica once, or by all four at the same moment
    assert shown(service, 'triage_result_cache_lookups_total{model="email_classifier",result="hit"}') == cached.count(True)
    wait_until(lambda: shown(service, "triage_result_cache_bytes") > 0, "the replicas show what they keep")
    service.route(forgotten_at=datetime.now(UTC))
    wait_until(lambda: shown(service, "triage_result_cache_bytes") == 0, "every replica has dropped its answers", 5.0)
    assert not ask(service, "Lunch?", 1)[0]


def test_who_comes_alone_meets_one_replica(service: Service) -> None:
    assert ask(service, "Dinner?", 20).count(False) == 1
