"""`triage up`, `status` and `down` on a used installation; Ray is killed here, the flows and Prefect in other journeys."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from apps.console.runtime.discover import discover
from libs.common.http_calls import http
from libs.common.stores.orchestrator import Orchestrator, submit_job, wait_job
from tests.e2e.platform import Platform, until

pytestmark = pytest.mark.timeout(900)
GONE = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def test_everything_is_up_at_the_addresses_that_are_told(platform: Platform) -> None:
    parts = platform.status()
    assert list(parts) == ["ray", "prefect", "flows", "serving", "monitoring", "training"]
    assert all(part["healthy"] for part in parts.values())
    assert http().get(parts["serving"]["url"] + "/healthz").status_code == 200
    assert http().get(parts["serving"]["url"] + "/training/healthz").status_code == 200
    refused = http().get(parts["serving"]["url"] + "/training/v1/trainings")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert "<html" in http().get(parts["prefect"]["url"], follow_redirects=True).text.lower()
    reachable = discover(platform.home)
    assert reachable.prefect_api_url
    assert {"promote_model", "release_model", "retrain_model"} <= Orchestrator(reachable.prefect_api_url).served()


def test_a_second_up_finds_the_first_and_starts_nothing(platform: Platform) -> None:
    before = platform.status()
    told = platform.up().splitlines()
    assert sorted(told) == sorted(f"{name}: runs already" for name in before)
    assert platform.status() == before


def test_only_the_front_doors_listen_and_only_on_the_loopback(platform: Platform) -> None:
    parts = platform.status()
    for name, port in (
        ("serving", parts["serving"]["url"]),
        ("ray", parts["ray"]["url"]),
        ("prefect", parts["prefect"]["url"]),
    ):
        listening = [
            link.laddr.ip
            for link in psutil.net_connections("tcp")
            if link.status == psutil.CONN_LISTEN and link.laddr.port == int(port.rpartition(":")[2])
        ]
        assert set(listening) == {"127.0.0.1"}, name


def test_a_job_runs_on_the_cluster(platform: Platform, tmp_path: Path) -> None:
    dashboard = discover(platform.home).dashboard_url
    assert dashboard
    (tmp_path / "job.py").write_text("import os; print('ran in', os.environ['WHERE'])")
    job = submit_job(dashboard, f"{sys.executable} job.py", tmp_path, {"WHERE": "the cluster"})
    assert "ran in the cluster" in wait_job(dashboard, job, 120)


def test_after_ray_was_killed_the_cluster_and_its_applications_come_back(platform: Platform) -> None:
    before = platform.status()
    raylet = next(child for child in psutil.Process(before["ray"]["pid"]).children() if child.name() == "raylet")
    kill(raylet.pid)
    until(lambda: platform.run("status", check=False).returncode == 1, 180, "the status tells of it")
    told = platform.heal("ray", before)
    assert "prefect: runs already" in told
    assert "serving: deploying" in told


def test_down_ends_exactly_our_processes_and_up_finds_what_was_stored(platform: Platform) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "gcs_server", "raylet"])
    foreign = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import ray, time; ray.init(address='local', num_cpus=1, include_dashboard=False); time.sleep(600)",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: any(child.name() == "raylet" for child in psutil.Process(foreign.pid).children()), 180, "their Ray runs")
        theirs = psutil.Process(foreign.pid).children(recursive=True)
        ray = psutil.Process(platform.status()["ray"]["pid"])
        ours = [ray, *ray.children(recursive=True)]
        api = discover(platform.home).prefect_api_url
        assert api
        run = Orchestrator(api).start_flow("housekeeping", {})
        until(lambda: Orchestrator(api).state(run) in ("COMPLETED", "FAILED"), 180, "the flow has ended")
        ended_as = Orchestrator(api).state(run)
        platform.run("down")
        assert [process for process in ours if process.is_running() and process.status() not in GONE] == []
        assert stranger.poll() is None
        assert all(process.is_running() for process in theirs if process.name() in ("raylet", "gcs_server"))
        assert platform.run("down").stdout == "nothing was running\n"
        platform.run("up")  # in the environment of whoever names none
        assert Orchestrator(api).state(run) == ended_as
    finally:
        for process in (*psutil.Process(foreign.pid).children(recursive=True), stranger, foreign):
            process.kill()
        stranger.wait()
        foreign.wait()


def kill(pid: int) -> None:
    """`kill -9`, and wait until it is gone."""
    process = psutil.Process(pid)
    process.kill()
    until(lambda: not process.is_running() or process.status() in GONE, 180, f"{pid} is gone")
