"""What the processes of the platform find in their environment, as one pure function."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from apps.console.runtime.ports import Ports
from libs.common.config.home import REPO, Home

LOOPBACK = "127.0.0.1"


def environment(home: Home, ports: Ports, env: str, ingress: Mapping[str, str]) -> dict[str, str]:
    """The variables that every process of the platform gets, over those of the caller; ``ingress`` are those of serving."""
    first_replica, last_replica = ports.replica_range
    return {
        "TRIAGE_HOME": str(home.root),
        "TRIAGE_ENV": env,
        "PYTHONPATH": str(REPO),
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": prefect_api_url(ports),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "RAY_ADDRESS": f"{LOOPBACK}:{ports.ray}",
        "RAY_API_SERVER_ADDRESS": dashboard_url(ports),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first_replica),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(last_replica),
        **ingress,
    }


def scratch_folder(home: Home) -> Path:
    """Where Ray keeps its sockets: short, because a socket's path may have 107 bytes, and one a home."""
    return Path("/tmp") / f"triage-{sha256(str(home.root).encode()).hexdigest()[:8]}"


def haproxy_folder(home: Home) -> Path:
    """Where HAProxy keeps its files: its sockets may have 97 bytes, of which 70 are a node id and a file name."""
    return scratch_folder(home) / "h"


def prefect_api_url(ports: Ports) -> str:
    """The Prefect server's API."""
    return f"http://{LOOPBACK}:{ports.prefect}/api"


def dashboard_url(ports: Ports) -> str:
    """Ray's dashboard, which also takes jobs."""
    return f"http://{LOOPBACK}:{ports.ray_dashboard}"
