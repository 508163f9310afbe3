"""Schema of ``config/audit_logging.yaml``."""

from typing import Literal

from libs.common.config.section import Address, Duration, Section, Share


class ModelChanges(Section):
    """What the audit chain holds."""

    track_all_deployments: bool
    include_approval_chain: bool
    retention_period: Duration


class InferenceLogging(Section):
    """Detailed samples of requests (ADR 14), and how long they and the prediction events are kept.

    Content is never logged, so ``exclude_sensitive_data`` has one value.
    """

    sample_rate: Share
    include_input_hash: bool
    exclude_sensitive_data: Literal[True]
    retention_period: Duration
    input_hash_key: Address


class PerformanceLogging(Section):
    """How long measurements are kept."""

    metrics_retention: Duration
    detailed_logs_retention: Duration
    aggregated_reports: Literal["indefinite"] | Duration


class AuditLogging(Section):
    """What is remembered, for how long."""

    model_changes: ModelChanges
    inference_logging: InferenceLogging
    performance_logging: PerformanceLogging
