"""The front door on a real Ray: deployed twice is deployed once, and the API answers through Serve."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.serving.ingress import free_ports
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.stores.records import migrate

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray and Serve warn of their own futures


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def ray_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import ray
    from ray import serve

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray.shutdown()  # what another module has left
    ray.init(address="local", include_dashboard=False, num_cpus=2, namespace="triage", log_to_driver=False)
    yield
    serve.shutdown()
    ray.shutdown()


@pytest.mark.usefixtures("ray_here")
def test_the_watch_runs_on_serve_and_a_second_deploy_leaves_it_alone(state_home: Path, port: int) -> None:
    from apps.monitoring.app import deploy

    state_home.mkdir(parents=True, exist_ok=True)
    config, home = load_config("demo"), Home.find()
    addresses = config.addresses(home)
    migrate(addresses.records)
    assert deploy(config, home, port) == {"monitoring": True}
    assert deploy(config, home, port) == {"monitoring": False}

    base = f"http://127.0.0.1:{port}/monitoring"
    deadline = time.monotonic() + 60
    while httpx.get(f"{base}/healthz").status_code != 200:
        assert time.monotonic() < deadline, httpx.get(f"{base}/v1/status").text
        time.sleep(0.2)
    assert httpx.get(f"{base}/v1/status").json()["failures"] == 0
    assert httpx.get(f"{base}/v1/alerts", params={"model": config.platform.models[0]}).json() == []
    connect(addresses).records.close()
