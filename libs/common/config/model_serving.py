"""Schema of ``config/model_serving.yaml``."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from libs.common.config.section import Duration, Section, Size


class AutoScaling(Section):
    """How many replicas, and when there are more or fewer; utilisation in per cent."""

    min_replicas: PositiveInt
    max_replicas: PositiveInt
    target_cpu_utilization: Annotated[float, Field(gt=0, le=100)]
    scale_up_cooldown: Duration
    scale_down_cooldown: Duration


class ModelCaching(Section):
    """How many bytes of models a replica keeps loaded, and which ones always: NAME_vVERSION, with or without ``email_``."""

    enabled: bool
    cache_size: Size
    eviction_policy: Literal["lru"]
    warm_models: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][\w.-]*_v[\w.]+$")], ...]


class BatchInference(Section):
    """How requests are put together; the timeout is an upper bound (ADR 2)."""

    enabled: bool
    max_batch_size: PositiveInt
    batch_timeout_ms: PositiveFloat
    queue_size: PositiveInt


class ResultCaching(Section):
    """How many bytes of answers a replica keeps, and how long each."""

    cache_size: Size
    time_to_live: Duration


class Replica(Section):
    """One replica of a model's server.

    ``logical_cpus`` is what Ray books for it, ``engine_threads`` how many batches it computes at once, each with
    ``intra_op_threads``. ``escalation_queue`` e-mails may wait for the second stage of a model that has two. A request that
    would wait for the engine longer than ``longest_wait``, at the pace of its latest batches, is refused at once.
    ``request_timeout`` bounds a whole request, ``candidate_timeout`` the part of it that waits for the version under test;
    a body must be there within ``body_timeout``.
    """

    logical_cpus: Annotated[float, Field(gt=0)]
    engine_threads: PositiveInt
    intra_op_threads: PositiveInt
    escalation_queue: PositiveInt
    longest_wait: Duration
    target_ongoing_requests: PositiveFloat
    poll_interval: Duration
    report_interval: Duration
    ship_interval: Duration
    start_timeout: Duration
    request_timeout: Duration
    candidate_timeout: Duration
    body_limit: Size
    body_timeout: Duration
    mirror_limit: PositiveInt
    disk_reserve: Size


class Summaries(Section):
    """Where a summarizer's replicas differ from a classifier's: how many there are at least, and how long each may take."""

    min_replicas: PositiveInt
    longest_wait: Duration
    request_timeout: Duration
    candidate_timeout: Duration


class KeyLimit(Section):
    """What one key may ask of one replica; each e-mail counts, and a request without any counts as one."""

    emails_per_second: PositiveFloat
    burst: PositiveInt
    emails_per_day: PositiveInt


class Keys(Section):
    """Who may call: where ``required``, principals by their token, which is believed for ``remember``."""

    required: bool
    remember: Duration
    default: KeyLimit
    principals: dict[str, KeyLimit]

    def limit_of(self, principal: str) -> KeyLimit:
        """What this principal may ask."""
        return self.principals.get(principal, self.default)


class Idempotency(Section):
    """How long, and in how many bytes of one replica, answers are kept for the same ``Idempotency-Key``."""

    keep: Duration
    size: Size


class Explanations(Section):
    """How many reasons an explanation names, the strongest first, and how many words it may leave out to find them."""

    reasons: PositiveInt
    occlusions: PositiveInt


class Http(Section):
    """What callers may send, and how often. ``allowed_origins`` are those whose pages may call (CORS)."""

    max_headers: PositiveInt
    max_header_bytes: Size
    allowed_origins: tuple[str, ...]
    keys: Keys
    idempotency: Idempotency
    explanations: Explanations


class Slot(Section):
    """The place of the version under test."""

    replicas: PositiveInt
    logical_cpus: Annotated[float, Field(gt=0)]
    max_ongoing_requests: PositiveInt


class Offline(Section):
    """How a whole source is triaged at once: by how many actors (0: one a core), and how many e-mails an engine gets.

    ``niceness`` is how far the actors stand back where somebody else wants the core: 0, not at all, to 19.
    """

    workers: NonNegativeInt
    niceness: Annotated[int, Field(ge=0, le=19)]
    logical_cpus: Annotated[float, Field(gt=0)]
    batch_size: PositiveInt


def _as_root(written: str) -> str:
    if written.startswith("/") or (written.startswith("s3://") and written.removeprefix("s3://").strip("/")):
        return written
    raise ValueError(f"found '{written}'; write an absolute path or s3://bucket/prefix")


class Batches(Section):
    """What callers of the batch API may ask.

    ``roots`` are the folders and s3:// addresses below which sources may lie (none: mail must be sent), ``open_limit`` how many
    batches may be open at once, ``keep`` how long a batch and its result stay after it has ended.
    """

    roots: tuple[Annotated[str, AfterValidator(_as_root)], ...]
    upload_limit: Size
    open_limit: PositiveInt
    keep: Duration


class ModelServing(Section):
    """How answers are computed."""

    serving_framework: Literal["Ray Serve"]
    load_balancer: Literal["nginx"]
    auto_scaling: AutoScaling
    model_caching: ModelCaching
    batch_inference: BatchInference
    result_caching: ResultCaching
    replica: Replica
    summaries: Summaries
    http: Http
    slot: Slot
    offline: Offline
    batches: Batches
