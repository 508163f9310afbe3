"""Parts of the running service are killed under load: it comes back by itself, and no answer that was given is missing.

`bench/recovery.py` writes down how long each took.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.serving_service import Load, Service, added_node, running_service, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

# What callers may see of it: a closed door, or one that asks them to come again; never a wrong answer.
DOORS = ("ConnectError", "ReadError", "WriteError", "RemoteProtocolError", "503")

Noted = Callable[[str, object], None]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving")) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    running.clear()
    return running


def test_a_killed_replica_comes_back_and_the_other_answers_meanwhile(service: Service, record_property: Noted) -> None:
    victim = service.server_processes()[0]
    load = killed_under_load(service, lambda: os.kill(victim, signal.SIGKILL), lambda: service.replaced(victim))
    note(load, record_property)
    # What the killed process was computing is lost; at this rate that is a request or two.
    assert len(load.failures) <= 3, load.failures


def test_a_killed_proxy_comes_back_and_no_replica_is_touched(service: Service, record_property: Noted) -> None:
    replicas = service.server_processes()
    (victim,) = service.proxy_processes()

    def back() -> bool:
        return bool(service.proxy_processes()) and victim not in service.proxy_processes()

    note(killed_under_load(service, lambda: os.kill(victim, signal.SIGKILL), back), record_property)
    assert service.server_processes() == replicas


def test_a_killed_controller_fails_no_request(service: Service, record_property: Noted) -> None:
    victim = service.controller_process()
    replicas = service.server_processes()

    def back() -> bool:
        return service.controller_process() not in (None, victim)

    load = killed_under_load(service, lambda: os.kill(victim or 0, signal.SIGKILL), back)
    note(load, record_property)
    assert load.failures == []
    assert service.server_processes() == replicas


def test_a_killed_node_is_replaced_by_replicas_elsewhere(service: Service, record_property: Noted) -> None:
    with added_node() as node:
        victim = service.move_a_replica_to(node)
        load = killed_under_load(service, node.kill, lambda: service.replaced(victim))
    note(load, record_property)


def killed_under_load(service: Service, kill: Callable[[], None], back: Callable[[], bool]) -> Load:
    """A steady load, in the middle of which ``kill`` happens, until ``back`` and 80 answers more."""
    with Load(service.url, rate=40) as load:
        load.wait_for(80)
        kill()
        load.struck = time.monotonic()
        wait_until(back, "what was killed is back")
        before = len(load.replies)
        wait_until(lambda: len(load.replies) >= before + 80, "callers are answered again")
    assert [failure for failure in load.failures if not failure.startswith(DOORS)] == []
    events = service.events({reply["request_id"] for reply in load.replies})
    assert len(events) == len(load.replies)
    return load


def note(load: Load, record_property: Noted) -> None:
    """Leave what callers saw in the report."""
    record_property("trouble_s", load.trouble_s())
    record_property("failed", len(load.failures))
    record_property("answered", len(load.replies))
