"""A release on live traffic: a slot comes, its weight moves, the pointer flips, and no request fails."""

from collections.abc import Iterator

import pytest

from apps.serving.deploy import retire_slot
from tests.integration.serving_service import MODEL, Load, Service, running_service, scripted

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

STABLE, CANDIDATE = scripted("1.0.0", "spam"), scripted("2.0.0", "work")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving")) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    running.clear()
    return running


def test_a_canary_moves_and_is_promoted_with_no_failed_request(service: Service) -> None:
    with Load(service.url) as load:
        load.wait_for(30)
        service.deploy_candidate(CANDIDATE)
        assert load.since(0).keys() == {("1.0.0", "stable", "ok")}
        for weight in (0.05, 0.5):
            service.route_and_wait(candidate=CANDIDATE, weight=weight)
            moved = len(load.replies)
            load.wait_for(300)
            share = load.since(moved)["2.0.0", "candidate", "ok"] / sum(load.since(moved).values())
            assert weight / 3 < share < weight * 2
        service.route_and_wait(warm=(CANDIDATE,))
        service.route_and_wait(stable=CANDIDATE, candidate=None, weight=0.0, warm=(STABLE,))
        load.wait_for(5)
        flipped = len(load.replies)
        retire_slot(MODEL)
        load.wait_for(100)
    assert load.failures == []
    assert load.since(flipped).keys() == {("2.0.0", "stable", "ok")}
    assert {reply["label"] for reply in load.replies[flipped:]} == {"work"}
    events = service.events({reply["request_id"] for reply in load.replies})
    assert len(events) == len(load.replies)
