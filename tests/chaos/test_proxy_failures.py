"""The proxy in front of all replicas is killed under load: it comes back by itself, and no answer that was given is missing."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.serving_service import Load, Service, running_service, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving")) as running:
        yield running


def test_a_killed_proxy_comes_back_and_no_answer_is_missing_from_the_log(
    service: Service, record_property: Callable[[str, object], None]
) -> None:
    service.clear()
    replicas = service.server_processes()
    with Load(service.url, rate=40) as load:
        load.wait_for(80)
        (victim,) = service.proxy_processes()
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: victim not in service.proxy_processes() and bool(service.proxy_processes()), "a new proxy runs")
        before = len(load.replies)
        wait_until(lambda: len(load.replies) > before, "callers are answered again")
        record_property("recovered_s", time.monotonic() - killed)
        wait_until(lambda: len(load.replies) >= before + 80, "all of them")
    assert service.server_processes() == replicas
    # Callers saw a closed door, or one that asked them to come again; never a wrong answer.
    doors = ("ConnectError", "ReadError", "WriteError", "RemoteProtocolError", "503")
    assert [failure for failure in load.failures if not failure.startswith(doors)] == []
    events = service.events({reply["request_id"] for reply in load.replies})
    assert len(events) == len(load.replies)
