"""The environment of the platform's processes."""

from pathlib import Path

import pytest

from apps.console.runtime.environment import environment, haproxy_folder, scratch_folder
from apps.console.runtime.ports import Ports, choose_ports
from libs.common.config.home import Home

HOME = Home(Path("/somewhere/.triage"))


@pytest.fixture
def ports() -> Ports:
    """Ports of an empty machine."""
    return choose_ports(HOME.root, {}, None, frozenset(), lambda _: True)


def test_it_says_where_everything_is(ports: Ports) -> None:
    variables = environment(HOME, ports, "demo", {})
    assert variables["TRIAGE_HOME"] == "/somewhere/.triage"
    assert variables["TRIAGE_ENV"] == "demo"
    assert variables["PREFECT_API_URL"] == f"http://127.0.0.1:{ports.prefect}/api"
    assert variables["RAY_ADDRESS"] == f"127.0.0.1:{ports.ray}"
    assert variables["PREFECT_HOME"].startswith("/somewhere/.triage/")
    assert (Path(variables["PYTHONPATH"]) / "libs" / "common").is_dir()


def test_what_serving_needs_is_handed_on(ports: Ports) -> None:
    assert environment(HOME, ports, "local", {"RAY_SERVE_ENABLE_HA_PROXY": "1"})["RAY_SERVE_ENABLE_HA_PROXY"] == "1"


def test_nothing_leaves_the_machine(ports: Ports) -> None:
    variables = environment(HOME, ports, "local", {})
    assert (variables["HF_HUB_OFFLINE"], variables["RAY_USAGE_STATS_ENABLED"]) == ("1", "0")
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_two_homes_share_no_file_and_no_port(ports: Ports) -> None:
    other = Home(Path("/elsewhere"))
    theirs = environment(other, choose_ports(other.root, {}, None, frozenset(), lambda _: True), "local", {})
    ours = environment(HOME, ports, "local", {})
    differing = {name for name in ours if ours[name] != theirs[name]}
    assert {name for name in ours if "_PORT" in name} <= differing
    assert {"TRIAGE_HOME", "PREFECT_HOME", "PREFECT_API_URL", "RAY_ADDRESS"} <= differing


def test_sockets_have_short_paths_however_long_the_home_is() -> None:
    home = Home(Path("/" + "long/" * 60))
    session = "session_2026-11-23_04-01-20_850696_4194304/sockets/plasma_store"
    assert len(str(scratch_folder(home) / session)) <= 107
    node_id = "0" * 56
    assert len(str(haproxy_folder(home) / node_id / "metrics.sock")) <= 97
