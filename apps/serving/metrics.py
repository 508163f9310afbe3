"""What a replica counts, for Prometheus. All replicas of a node share one folder, so any of them shows the node's whole."""

import os
from pathlib import Path

from apps.serving.facts import escalation_of
from apps.serving.http import Reply
from libs.common.domain.triage import TriageResult
from libs.common.errors import StoreError

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0)
# One file a type of series, as prometheus_client names them; room for some thousand series each.
FILES = ("counter", "histogram", "gauge_livesum")
FILE_BYTES = 1 << 18
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)


class ServingMetrics:
    """The series of one replica of one model."""

    def __init__(self, model: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(folder)
        _take_room(folder)
        # prometheus_client chooses its store when it is first imported.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        own = CollectorRegistry()
        requests = Counter(
            "triage_requests", "E-mails answered, or not", ("model", "version", "variant", "outcome"), registry=own
        )
        latency = Histogram(
            "triage_request_latency_seconds",
            "From request to answer",
            ("model", "variant"),
            buckets=LATENCY_BUCKETS_S,
            registry=own,
        )
        problems = Counter("triage_problems", "Replies that are problem documents", ("model", "status"), registry=own)
        events = Counter("triage_serving_faults", "What went wrong behind the replies", ("model", "kind"), registry=own)
        batch = Histogram("triage_batch_size", "E-mails a batch", ("model",), buckets=BATCH_BUCKETS, registry=own)
        depth = Gauge(
            "triage_queue_depth", "E-mails waiting for the engine", ("model",), registry=own, multiprocess_mode="livesum"
        )
        loaded = Gauge(
            "triage_loaded_model_bytes", "Memory that loaded models take", ("model",), registry=own, multiprocess_mode="livesum"
        )
        escalations = Counter(
            "triage_escalations",
            "Answers by what the second stage of a model had to do with them: none, done, or shed under pressure",
            ("model", "version", "escalation"),
            registry=own,
        )
        self._model = model
        self._escalations = escalations
        self._folder = folder
        self._requests, self._latency, self._problems, self._events = requests, latency, problems, events
        self._batch, self._depth, self._loaded = batch.labels(model), depth.labels(model), loaded.labels(model)
        lookups = Counter("triage_result_cache_lookups", "Answers looked for", ("model", "result"), registry=own)
        kept = Gauge("triage_result_cache_bytes", "Answers kept", ("model",), registry=own, multiprocess_mode="livesum")
        self._hits, self._misses = lookups.labels(model, "hit"), lookups.labels(model, "miss")
        self._kept = kept.labels(model)

    def answered(self, result: TriageResult) -> None:
        """Count one answer and its latency."""
        self._requests.labels(self._model, result.version, result.variant, result.outcome).inc()
        self._escalations.labels(self._model, result.version, escalation_of(result.said)).inc()
        self._latency.labels(self._model, result.variant).observe(result.latency_ms / 1000)

    def refused(self, status: int) -> None:
        """Count one problem document."""
        self._problems.labels(self._model, status).inc()

    def fault(self, kind: str) -> None:
        """Count what callers do not see.

        Kinds: ``store_away``, ``candidate``, ``client_gone``, ``mirror``, ``features``, ``record``, ``sample``, ``ship``,
        ``trace``.
        """
        self._events.labels(self._model, kind).inc()

    def batched(self, size: int) -> None:
        """Count one batch."""
        self._batch.observe(size)

    def recalled(self, hit: bool) -> None:
        """Count one look into the result cache."""
        (self._hits if hit else self._misses).inc()

    def measure_results(self, kept_bytes: int) -> None:
        """Set this replica's gauge of kept answers."""
        self._kept.set(kept_bytes)

    def measure(self, queue_depth: int, loaded_bytes: int) -> None:
        """Set this replica's gauges."""
        self._depth.set(queue_depth)
        self._loaded.set(loaded_bytes)

    def expose(self) -> Reply:
        """The Prometheus text of all replicas of this node."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        node = CollectorRegistry()
        MultiProcessCollector(node, str(self._folder))
        return Reply(200, generate_latest(node), CONTENT_TYPE_LATEST.encode())


def _take_room(folder: Path) -> None:
    """Have the disk give this process's files their room now: they are mapped, and no room later would be a SIGBUS."""
    for kind in FILES:
        path = folder / f"{kind}_{os.getpid()}.db"
        try:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StoreError(f"{folder} has no room for counters: {error.strerror}", "free space on the disk") from error


def _forget_the_dead(folder: Path) -> None:
    """Drop the gauges of replicas that were killed; their counters stay, so that sums never go back."""
    for path in folder.glob("gauge_live*_*.db"):
        if not Path(f"/proc/{path.stem.rpartition('_')[2]}").exists():
            path.unlink(missing_ok=True)
