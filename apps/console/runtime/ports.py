"""Where each process listens: configured, else chosen once and remembered, so that a healed process keeps its address."""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path

from libs.common.errors import StoreError

# Below the range from which Linux takes the ports of outgoing connections (32768), and outside 10002–19999, where Ray's
# own workers listen by default. A free block of this many ports begins at `first` plus a step that depends on the home.
_FIRST = {
    "http": 8000,
    "prefect": 4200,
    "ray_dashboard": 8265,
    "ray": 6379,
    "ray_client": 20000,
    "ray_agent": 21000,
    "ray_agent_grpc": 22000,
    "ray_runtime_env": 23000,
    "ray_metrics": 24000,
    "haproxy_stats": 25000,
    "haproxy_metrics": 26000,
    "serve_fallback": 26500,
}
_SPREAD = 97
_WORKERS_FIRST, _WORKERS_BLOCK, _WORKERS_BLOCKS = 27000, 300, 10
_REPLICAS_FIRST, _REPLICAS_BLOCK, _REPLICAS_BLOCKS = 30000, 100, 20


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each listener; ``workers`` and ``replicas`` begin blocks for Ray's workers and Serve's replicas."""

    http: int
    prefect: int
    ray_dashboard: int
    ray: int
    ray_client: int
    ray_agent: int
    ray_agent_grpc: int
    ray_runtime_env: int
    ray_metrics: int
    haproxy_stats: int
    haproxy_metrics: int
    serve_fallback: int
    workers: int
    replicas: int

    @property
    def worker_range(self) -> tuple[int, int]:
        """First and last port of Ray's workers."""
        return self.workers, self.workers + _WORKERS_BLOCK - 1

    @property
    def replica_range(self) -> tuple[int, int]:
        """First and last port at which Serve's replicas take requests from the ingress."""
        return self.replicas, self.replicas + _REPLICAS_BLOCK - 1


def choose_ports(
    root: Path, configured: Mapping[str, int], remembered: Ports | None, ours: frozenset[int], free: Callable[[int], bool]
) -> Ports:
    """A port for each listener of the home ``root``; ``ours`` are those that our own processes hold now.

    StoreError where a configured port is taken by somebody else.
    """
    step = int(sha256(str(root).encode()).hexdigest()[:8], 16)
    chosen: dict[str, int] = {}

    def usable(port: int) -> bool:
        return port in ours or (port not in chosen.values() and free(port))

    for name, first in _FIRST.items():
        before = getattr(remembered, name) if remembered else 0
        if wanted := configured.get(name, 0):
            chosen[name] = _insist(name, wanted, usable)
        elif before and usable(before):
            chosen[name] = before
        else:
            start = first + step % _SPREAD
            chosen[name] = next(port for port in range(start, start + 1000) if usable(port))
    workers = _block(step, _WORKERS_FIRST, _WORKERS_BLOCK, _WORKERS_BLOCKS)
    return Ports(**chosen, workers=workers, replicas=_block(step, _REPLICAS_FIRST, _REPLICAS_BLOCK, _REPLICAS_BLOCKS))


def is_free(port: int) -> bool:
    """Whether nobody listens at ``port``, on any interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def recall(path: Path) -> Ports | None:
    """The ports of the last start; None where there was none, or it knew other listeners."""
    if not path.exists():
        return None
    known = json.loads(path.read_text())
    return Ports(**known) if known.keys() == {field.name for field in fields(Ports)} else None


def remember(path: Path, ports: Ports) -> None:
    """Keep ``ports`` for the next start."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(ports), indent=2))
    fresh.replace(path)


def _insist(name: str, wanted: int, usable: Callable[[int], bool]) -> int:
    if not usable(wanted):
        raise StoreError(
            f"port {wanted}, configured for {name}, is taken by another process",
            f"end that process, or set another port in config/platform.yaml (0: any free one) for {name}",
        )
    return wanted


def _block(step: int, first: int, size: int, blocks: int) -> int:
    """Blocks of two homes may coincide: Ray and Serve both skip a port that is taken."""
    return first + size * (step % blocks)
