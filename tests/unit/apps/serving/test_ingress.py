"""The environment that makes Serve's ingress fast and private."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from apps.serving import ingress

LONGEST_WAIT = timedelta(milliseconds=300)


def test_haproxy_keeps_its_files_and_ports_to_itself(tmp_path: Path) -> None:
    first = ingress.ray_environment(tmp_path / "a", haproxy=True, throughput_optimized=True, longest_wait=LONGEST_WAIT)
    second = ingress.ray_environment(tmp_path / "b", haproxy=True, throughput_optimized=True, longest_wait=LONGEST_WAIT)
    assert first["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    own = [name for name, value in first.items() if "_PORT" in name or value.startswith(str(tmp_path))]
    assert len(own) == 9
    assert all(first[name] != second[name] for name in own)


def test_the_wrapper_narrows_the_status_pages_to_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "find_haproxy", lambda: "/bin/echo")
    environment = ingress.ray_environment(tmp_path, haproxy=True, throughput_optimized=True, longest_wait=LONGEST_WAIT)
    config = tmp_path / "haproxy.cfg"
    config.write_text("frontend p\n    bind :42767\nfrontend h\n    bind 127.0.0.1:8000\nlisten stats\n  bind *:51081\n")
    done = subprocess.run(
        [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-db", "-f", str(config), "-sf", "7"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"-db -f {config} -sf 7\n"
    assert config.read_text().count("bind 127.0.0.1:") == 3
    assert "bind 127.0.0.1:8000" in config.read_text()


def test_without_the_binary_serves_own_proxy_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "find_haproxy", lambda: None)
    environment = ingress.ray_environment(tmp_path, haproxy=True, throughput_optimized=True, longest_wait=LONGEST_WAIT)
    assert environment["RAY_SERVE_ENABLE_HA_PROXY"] == "0"
    assert environment["RAY_SERVE_ENABLE_DIRECT_INGRESS"] == "0"
