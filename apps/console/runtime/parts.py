"""What the platform is made of: services that live, and front doors that put their applications on Ray and end."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from apps.console.runtime import health, process
from apps.console.runtime.environment import LOOPBACK, dashboard_url, environment, scratch_folder
from apps.console.runtime.part import Part
from apps.console.runtime.ports import Ports
from libs.common.config.home import Home
from libs.common.config.platform import Platform

# Ray replaces 127.0.0.1 by the address of an interface, and a laptop that changes its network would lose the cluster.
_NODE_ADDRESS = "127.0.0.2" if sys.platform == "linux" else LOOPBACK
_FRONT_DOORS = {"serving": "apps.serving.app", "monitoring": "apps.monitoring.app", "training": "apps.training.app"}


def plan(home: Home, ports: Ports, platform: Platform, env: str, ingress: Mapping[str, str] | None = None) -> tuple[Part, ...]:
    """The parts in the order in which a table shows them; ``ingress`` is what serving needs in the environment to start."""
    variables = environment(home, ports, env, ingress or {})
    return (
        _ray(home, ports, platform, variables),
        _prefect(ports, variables),
        _flows(home, variables),
        _serving(ports, platform, env, variables),
        _beside_serving("monitoring", ports, env, variables),
        _beside_serving("training", ports, env, variables),
    )


def _ray(home: Home, ports: Ports, platform: Platform, variables: Mapping[str, str]) -> Part:
    first, last = ports.worker_range
    options = {
        "node-ip-address": _NODE_ADDRESS,
        "port": ports.ray,
        "dashboard-host": LOOPBACK,
        "dashboard-port": ports.ray_dashboard,
        "ray-client-server-port": ports.ray_client,
        "dashboard-agent-listen-port": ports.ray_agent,
        "dashboard-agent-grpc-port": ports.ray_agent_grpc,
        "runtime-env-agent-port": ports.ray_runtime_env,
        "metrics-export-port": ports.ray_metrics,
        "min-worker-port": first,
        "max-worker-port": last,
        "num-cpus": platform.ray.logical_cpus,
        "temp-dir": scratch_folder(home),
        "log-style": "record",
    }
    argv = [_executable("ray"), "start", "--head", "--block", "--disable-usage-stats"]
    argv += [f"--{name}={value}" for name, value in options.items()]
    return Part(
        name="ray",
        argv=tuple(argv),
        # `ray start --head` would take RAY_ADDRESS for a cluster to join.
        variables={name: value for name, value in variables.items() if name != "RAY_ADDRESS"} | {"PATH": _path()},
        check=health.ray_is_up(dashboard_url(ports)),
        url=dashboard_url(ports),
        ports={"ray": ports.ray, "dashboard": ports.ray_dashboard},
        attempts=3,  # it gives its own processes 30 s, however busy the machine is
        grace_s=6,  # Serve drains for half a minute if it may; whoever ends Ray has no traffic left to save
    )


def _prefect(ports: Ports, variables: Mapping[str, str]) -> Part:
    url = f"http://{LOOPBACK}:{ports.prefect}"
    return Part(
        name="prefect",
        argv=(_executable("prefect"), "server", "start", "--host", LOOPBACK, "--port", str(ports.prefect)),
        variables=variables,
        check=health.answers(url, "/api/health"),
        url=url,
        ports={"prefect": ports.prefect},
    )


def _flows(home: Home, variables: Mapping[str, str]) -> Part:
    heartbeat = home.run / "flows.heartbeat"

    def pid() -> int | None:
        running = process.find("flows", home.run)
        return running.pid if running else None

    return Part(
        name="flows",
        argv=(sys.executable, "-m", "flows", "--heartbeat", str(heartbeat)),
        variables=variables,
        check=health.beats(heartbeat, pid),
    )


def _serving(ports: Ports, platform: Platform, env: str, variables: Mapping[str, str]) -> Part:
    host = LOOPBACK if platform.http.host == "0.0.0.0" else platform.http.host
    url = f"http://{host}:{ports.http}"
    return Part(
        name="serving",
        argv=(sys.executable, "-m", _FRONT_DOORS["serving"], "--env", env, "--port", str(ports.http)),
        variables=variables,
        check=health.all_of(
            health.answers(url, "/healthz"),
            *(health.application_runs(dashboard_url(ports), model) for model in (*platform.models, "batch")),
        ),
        url=url,
        ports={"http": ports.http},
        needs=("ray", "records"),
        deploys=True,
    )


def _beside_serving(name: str, ports: Ports, env: str, variables: Mapping[str, str]) -> Part:
    return Part(
        name=name,
        argv=(sys.executable, "-m", _FRONT_DOORS[name], "--env", env, "--port", str(ports.http)),
        variables=variables,
        check=health.application_runs(dashboard_url(ports), name),
        # Serve's HTTP address is fixed by whoever starts Serve first, and that is for serving to do.
        needs=("ray", "serving"),
        deploys=True,
    )


def _path() -> str:
    """Our own Python first: a job's entrypoint says `python`, and means the one that has the libraries."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def _executable(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
