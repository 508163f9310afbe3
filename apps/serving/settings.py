"""What a replica must know, in plain values: it reads no configuration and no environment by itself."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from apps.serving.batcher import BatchLimits
from libs.common.config.audit_logging import InferenceLogging
from libs.common.config.configuration import Addresses
from libs.common.config.cost_optimization import CachingStrategy
from libs.common.config.home import Home
from libs.common.config.model_serving import Http, ModelServing
from libs.common.config.monitoring import RequestObservation
from libs.common.config.section import resolve_or_empty
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.errors import ConfigError

SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a replica keeps things on its own node: fetched models, open segments of the prediction log, counters."""

    models: Path
    predictions: Path
    metrics: Path

    @property
    def samples(self) -> Path:
        """Open segments of the detailed samples."""
        return self.predictions.with_name("samples")

    @classmethod
    def below(cls, home: Home) -> "Folders":
        """The folders of one installation."""
        return cls(home.models, home.predictions, home.run / "metrics")


@dataclass(frozen=True, slots=True)
class Sampling:
    """The share of requests that is sampled, and the key of their input hashes: ``key``, else what ``own_key`` holds."""

    rate: float
    hash_inputs: bool
    key: str
    own_key: Path

    @classmethod
    def under(cls, logging: InferenceLogging, home: Home) -> "Sampling":
        """What the configuration says; ConfigError for a key that could be guessed."""
        key = resolve_or_empty(logging.input_hash_key)
        if 0 < len(key) < SHORTEST_KEY:
            where = "audit_logging.inference_logging.input_hash_key"
            raise ConfigError(
                [f"{where}: found {len(key)} characters; write {SHORTEST_KEY} or more, such as `openssl rand -hex 32`"]
            )
        return cls(logging.sample_rate, logging.include_input_hash, key, home.keys / "input-hash.key")


@dataclass(frozen=True, slots=True)
class Observation:
    """Which shares of the requests are logged and traced; without a ``trace_endpoint`` none is traced."""

    access_rate: float
    trace_endpoint: str
    trace_rate: float

    @classmethod
    def under(cls, requests: RequestObservation) -> "Observation | None":
        """What the configuration says; None where nobody watches."""
        endpoint = requests.tracing.endpoint if requests.tracing.enabled else ""
        rate = requests.access_log.sample_rate
        return cls(rate, endpoint, requests.tracing.sample_rate) if rate or endpoint else None


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """The settings of one model's replicas and of its slot; a classifier's wait ``summary_timeout_s`` for a summarizer."""

    model: str
    addresses: Addresses
    folders: Folders
    batch: BatchLimits
    cache_bytes: int
    poll_interval: timedelta
    report_interval: timedelta
    ship_interval: timedelta
    request_timeout_s: float
    candidate_timeout_s: float
    start_timeout_s: float
    body_limit_bytes: int
    body_timeout_s: float
    mirror_limit: int
    intra_op_threads: int
    longest_wait_s: float
    http: Http
    result_cache_bytes: int = 0
    result_ttl_s: float = 0.0
    summary_timeout_s: float = 0.0
    sampling: Sampling | None = None
    disk_reserve_bytes: int = 0
    warm: tuple[ModelRef, ...] = ()
    observation: Observation | None = None


def replica_settings(
    model: str, serving: ModelServing, addresses: Addresses, folders: Folders, caching: CachingStrategy = "off"
) -> ReplicaSettings:
    """The settings of ``model`` under ``serving``; a replica keeps its answers where ``caching`` is not off."""
    replica, summaries = serving.replica, serving.summaries
    patience = summaries if model == SUMMARIZER else replica
    return ReplicaSettings(
        model=model,
        addresses=addresses,
        folders=folders,
        batch=BatchLimits(
            max_batch_size=serving.batch_inference.max_batch_size if serving.batch_inference.enabled else 1,
            queue_size=serving.batch_inference.queue_size,
            engine_threads=replica.engine_threads,
            escalation_queue_size=replica.escalation_queue,
        ),
        cache_bytes=serving.model_caching.cache_size if serving.model_caching.enabled else 0,
        poll_interval=replica.poll_interval,
        report_interval=replica.report_interval,
        ship_interval=replica.ship_interval,
        request_timeout_s=patience.request_timeout.total_seconds(),
        candidate_timeout_s=patience.candidate_timeout.total_seconds(),
        start_timeout_s=replica.start_timeout.total_seconds(),
        body_limit_bytes=replica.body_limit,
        body_timeout_s=replica.body_timeout.total_seconds(),
        mirror_limit=replica.mirror_limit,
        intra_op_threads=replica.intra_op_threads,
        longest_wait_s=patience.longest_wait.total_seconds(),
        http=serving.http,
        result_cache_bytes=serving.result_caching.cache_size if caching == "aggressive" else 0,
        disk_reserve_bytes=replica.disk_reserve,
        result_ttl_s=serving.result_caching.time_to_live.total_seconds(),
        summary_timeout_s=summaries.request_timeout.total_seconds(),
    )
