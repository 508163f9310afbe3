"""Whatever happens to the candidate, no caller notices: promoted, killed, raising, hanging, gone, or with its lease run out."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apps.serving.deploy import retire_slot
from libs.common.domain.triage import Outcome, Variant
from tests.integration.serving_service import MODEL, Load, Service, running_service, scripted, wait_until

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


def test_a_killed_slot_replica_fails_no_request(service: Service) -> None:
    service.deploy_candidate(CANDIDATE)
    service.route_and_wait(candidate=CANDIDATE, weight=0.5)
    with Load(service.url) as load:
        load.wait_for(60)
        (victim,) = service.slot_processes()
        os.kill(victim, signal.SIGKILL)
        killed = len(load.replies)
        load.wait_for(60)
        assert load.since(killed)["1.0.0", "stable", "fallback"] > 0
        wait_until(lambda: load.replies[-1]["variant"] == "candidate", "the slot heals and answers again")
    assert load.failures == []


@pytest.mark.parametrize("behaviour", ["raises", "hangs"])
def test_a_broken_candidate_falls_back_in_the_same_request(service: Service, behaviour: str) -> None:
    broken = scripted("3.0.0", behaviour)
    service.deploy_candidate(broken)
    with Load(service.url) as load:
        service.route_and_wait(candidate=broken, weight=0.5)
        routed = len(load.replies)
        load.wait_for(120)
    assert load.failures == []
    answers = load.since(routed)
    assert {version for version, _, _ in answers} == {"1.0.0"}
    assert answers["1.0.0", "stable", "fallback"] > 20
    fallbacks = {reply["request_id"] for reply in load.replies if reply["outcome"] == "fallback"}
    events = service.events(fallbacks)
    assert {(event.variant, event.outcome, event.version) for event in events} == {
        (Variant.CANDIDATE, Outcome.FALLBACK, "1.0.0")
    }


def test_a_candidate_that_is_not_deployed_falls_back(service: Service) -> None:
    with Load(service.url) as load:
        service.route_and_wait(candidate=CANDIDATE, weight=0.5)
        load.wait_for(120)
    assert load.failures == []
    assert load.since(0)["1.0.0", "stable", "fallback"] > 20


def test_an_expired_lease_sends_everyone_to_stable_without_a_store(service: Service) -> None:
    service.deploy_candidate(CANDIDATE)
    lease = datetime.now(UTC) + timedelta(seconds=4)
    service.route_and_wait(candidate=CANDIDATE, weight=0.5, lease_expires_at=lease)
    with Load(service.url) as load, service.without_store():
        load.wait_for(30)
        assert load.since(0)["2.0.0", "candidate", "ok"] > 0
        wait_until(lambda: datetime.now(UTC) > lease + timedelta(milliseconds=100), "the lease runs out")
        load.wait_for(5)
        expired = len(load.replies)
        load.wait_for(60)
    assert load.failures == []
    assert load.since(expired).keys() == {("1.0.0", "stable", "ok")}


def test_a_mirror_is_recorded_and_never_heard(service: Service) -> None:
    service.deploy_candidate(CANDIDATE)
    service.route_and_wait(candidate=CANDIDATE, mirror=True)
    with Load(service.url, rate=20) as load:
        load.wait_for(40)
    assert load.failures == []
    assert load.since(0).keys() == {("1.0.0", "stable", "ok")}
    events = service.events({reply["request_id"] for reply in load.replies})
    assert len(events) == len(load.replies)
    assert {event.label for event in events} == {"spam"}
    assert sum(event.mirror_label == "work" for event in events) > len(events) / 2
