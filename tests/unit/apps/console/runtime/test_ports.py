"""Ports are chosen once, kept while they can be, and never taken from anybody else."""

import socket
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.console.runtime.ports import Ports, choose_ports, is_free, recall, remember
from libs.common.errors import StoreError

ROOT = Path("/somewhere/.triage")
NOBODY: frozenset[int] = frozenset()


def choose(
    root: Path = ROOT,
    configured: dict[str, int] | None = None,
    remembered: Ports | None = None,
    ours: frozenset[int] = NOBODY,
    taken: frozenset[int] = NOBODY,
) -> Ports:
    """Ports on a machine where ``taken`` are in use."""
    return choose_ports(root, configured or {}, remembered, ours, lambda port: port not in taken)


def listeners(ports: Ports) -> list[int]:
    """Every single port, without the blocks."""
    return [port for name, port in asdict(ports).items() if name not in ("workers", "replicas")]


@given(st.text(min_size=1, max_size=30), st.frozensets(st.integers(4200, 9000)))
def test_ports_are_distinct_free_and_the_same_each_time(name: str, taken: frozenset[int]) -> None:
    root = Path("/homes") / name.replace("\0", "")
    ports = choose(root, taken=taken)
    assert len(set(listeners(ports))) == len(listeners(ports))
    assert not taken & set(listeners(ports))
    assert choose(root, taken=taken) == ports


@given(st.text(min_size=1, max_size=30))
def test_no_port_lies_where_ray_or_outgoing_connections_take_theirs(name: str) -> None:
    ports = choose(Path("/homes") / name.replace("\0", ""))
    blocks = [*ports.worker_range, *ports.replica_range]
    assert all(port < 10_002 or 19_999 < port < 32_768 for port in [*listeners(ports), *blocks])
    assert not ports.worker_range[0] <= ports.replica_range[0] <= ports.worker_range[1]


def test_remembered_ports_are_kept_even_while_our_own_processes_hold_them() -> None:
    before = choose()
    held = frozenset(listeners(before))
    assert choose(remembered=before, ours=held, taken=held) == before


def test_a_remembered_port_that_somebody_took_is_chosen_anew_and_the_others_stay() -> None:
    before = choose()
    after = choose(remembered=before, taken=frozenset({before.http}))
    assert after.http != before.http
    assert asdict(after) | {"http": before.http} == asdict(before)


def test_a_configured_port_wins_over_the_remembered_one() -> None:
    assert choose(configured={"http": 8080, "ray": 0}, remembered=choose()).http == 8080


def test_a_configured_port_that_is_taken_is_an_error_that_names_it() -> None:
    with pytest.raises(StoreError, match=r"port 8080.*http") as refused:
        choose(configured={"http": 8080}, taken=frozenset({8080}))
    assert "platform.yaml" in refused.value.hint


def test_two_homes_choose_differently() -> None:
    assert choose(Path("/a")) != choose(Path("/b"))


def test_ports_are_remembered_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert recall(path) is None
    remember(path, choose())
    assert recall(path) == choose()


def test_ports_of_another_version_are_not_recalled(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text('{"http": 8000}')
    assert recall(path) is None


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])
        port = listener.getsockname()[1]
    assert is_free(port)
