"""Schema of ``config/monitoring.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from libs.common.config.section import Duration, Section, Share

UnitInterval = Annotated[float, Field(ge=0, le=1)]


class AccuracyTracking(Section):
    """What accuracy is compared with, and over which window.

    Labels that came within ``measurement_window`` count, for requests up to ``label_delay`` older; below ``min_labels``
    there is no figure (ADR 11).
    """

    baseline_accuracy: UnitInterval
    degradation_threshold: UnitInterval
    measurement_window: Duration
    label_delay: Duration
    min_labels: PositiveInt
    alert_threshold: UnitInterval


class LatencyMonitoring(Section):
    """Objectives shown on dashboards, in milliseconds (ADR 8), and the window that percentiles are taken over."""

    window: Duration
    min_requests: PositiveInt
    p50_threshold_ms: PositiveFloat
    p95_threshold_ms: PositiveFloat
    p99_threshold_ms: PositiveFloat
    timeout_threshold_ms: PositiveFloat


class ThroughputMonitoring(Section):
    """Requests a second that are expected and possible, and the queue that is too long."""

    target_qps: PositiveFloat
    max_qps: PositiveFloat
    queue_depth_alert: PositiveInt


class ModelMetrics(Section):
    """What is measured of each model."""

    accuracy_tracking: AccuracyTracking
    latency_monitoring: LatencyMonitoring
    throughput_monitoring: ThroughputMonitoring


class DataDriftDetection(Section):
    """How live traffic is compared with the training sample; the threshold is on the KS statistic D (ADR 5).

    Each time, the e-mails since the last are compared: at least ``min_sample`` of them, at most ``max_sample``, drawn evenly.
    ``false_alarm_rate`` is the chance of a score above 0 on a window without drift.
    """

    method: Literal["kolmogorov_smirnov"]
    reference_dataset: str
    drift_threshold: UnitInterval
    monitoring_frequency: Duration
    min_sample: PositiveInt
    max_sample: PositiveInt
    false_alarm_rate: Annotated[float, Field(gt=0, lt=1)]


class ModelBiasMonitoring(Section):
    """Which groups are compared, and how far apart they may be."""

    protected_attributes: tuple[str, ...]
    fairness_metrics: tuple[Literal["demographic_parity", "equal_opportunity"], ...]
    bias_threshold: UnitInterval
    reporting_frequency: Duration


class Tracing(Section):
    """Spans for an OpenTelemetry collector at ``endpoint`` (OTLP over HTTP); a caller's own decision goes before the rate."""

    enabled: bool
    endpoint: Annotated[str, Field(pattern=r"^https?://.+")]
    sample_rate: Share


class AccessLog(Section):
    """The share of requests that leave a line in a replica's log."""

    sample_rate: Share


class RequestObservation(Section):
    """What an operator sees of single requests: figures, no content."""

    tracing: Tracing
    access_log: AccessLog


class Monitoring(Section):
    """What is measured of live traffic every ``cycle``, over which windows, and the objectives."""

    cycle: Duration
    model_metrics: ModelMetrics
    data_drift_detection: DataDriftDetection
    model_bias_monitoring: ModelBiasMonitoring
    request_observation: RequestObservation
