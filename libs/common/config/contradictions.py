"""Values that are each fine and cannot all be meant: what no single section can see."""

from collections.abc import Iterator
from pathlib import Path

from libs.common.config.configuration import Config
from libs.common.config.spaces import faults_in
from libs.common.domain.measurement import METRICS
from libs.common.notation import parse_condition


def contradictions_in(config: Config, repo: Path) -> list[str]:
    """Every contradiction, naming both keys and what to write; empty when the configuration can be meant."""
    return [
        *_in_rollouts(config),
        *_in_serving(config),
        *_in_monitoring(config),
        *_in_retraining(config),
        *_in_alerting(config, repo),
        *_in_search(config),
    ]


def _in_rollouts(config: Config) -> Iterator[str]:
    canary = config.deployment_strategies.canary
    where = "deployment_strategies.canary"
    if list(canary.progression) != sorted(set(canary.progression)) or canary.progression[-1] != 100:
        yield f"{where}.progression: found {list(canary.progression)}; write growing per cents that end in 100"
    if abs(canary.initial_traffic * 100 - canary.progression[0]) > 1e-9:
        yield f"{where}.initial_traffic: {canary.initial_traffic:.0%} is not progression[0], {canary.progression[0]:g} %"
    if canary.lease <= 2 * canary.tick:
        yield f"{where}.lease: {canary.lease} is under two ticks of {canary.tick}: every rollout would fall back"
    if canary.lease.total_seconds() > 60:
        yield f"{where}.lease: {canary.lease} is too long: an abandoned rollout must be back on stable within 60 seconds"
    if canary.tick > canary.evaluation_period:
        yield f"{where}.tick: {canary.tick} is longer than the evaluation_period {canary.evaluation_period}"


def _in_serving(config: Config) -> Iterator[str]:
    where = "model_serving"
    scaling = config.model_serving.auto_scaling
    batching = config.model_serving.batch_inference
    if scaling.min_replicas > scaling.max_replicas:
        yield f"{where}.auto_scaling.min_replicas: {scaling.min_replicas} is more than max_replicas {scaling.max_replicas}"
    if (fewest := config.model_serving.summaries.min_replicas) > scaling.max_replicas:
        yield f"{where}.summaries.min_replicas: {fewest} is more than auto_scaling.max_replicas {scaling.max_replicas}"
    if batching.max_batch_size > batching.queue_size:
        yield f"{where}.batch_inference.max_batch_size: {batching.max_batch_size} exceeds queue_size {batching.queue_size}"


def _in_monitoring(config: Config) -> Iterator[str]:
    accuracy = config.monitoring.model_metrics.accuracy_tracking
    latency = config.monitoring.model_metrics.latency_monitoring
    steps = [latency.p50_threshold_ms, latency.p95_threshold_ms, latency.p99_threshold_ms, latency.timeout_threshold_ms]
    if steps != sorted(steps):
        yield f"monitoring.model_metrics.latency_monitoring: found {steps}; p50, p95, p99 and timeout must grow"
    degraded = accuracy.baseline_accuracy - accuracy.degradation_threshold
    if abs(degraded - accuracy.alert_threshold) > 1e-9:
        yield (
            f"monitoring.model_metrics.accuracy_tracking.alert_threshold: {accuracy.alert_threshold} is not "
            f"baseline_accuracy − degradation_threshold = {degraded:.4g}"
        )
    drift = config.monitoring.data_drift_detection
    if drift.min_sample > drift.max_sample:
        yield f"monitoring.data_drift_detection.min_sample: {drift.min_sample} is more than max_sample {drift.max_sample}"
    if config.monitoring.cycle > latency.window:
        yield f"monitoring.cycle: {config.monitoring.cycle} is longer than latency_monitoring.window: requests go unmeasured"


def _in_retraining(config: Config) -> Iterator[str]:
    where = "retraining.triggers"
    degradation = config.retraining.triggers.performance_degradation.accuracy_drop
    tolerated = config.monitoring.model_metrics.accuracy_tracking.degradation_threshold
    if degradation < tolerated:
        yield (
            f"{where}.performance_degradation.accuracy_drop: {degradation} is less than monitoring's degradation_threshold "
            f"{tolerated}: it would retrain before anybody is told"
        )
    drift = config.retraining.triggers.data_drift.drift_score
    alerted = config.monitoring.data_drift_detection.drift_threshold
    if drift < alerted:
        yield (
            f"{where}.data_drift.drift_score: {drift} is less than monitoring's drift_threshold {alerted}: "
            "it would retrain before anybody is told"
        )
    if config.retraining.deployment_strategy.automatic_promotion:
        yield (
            "retraining.deployment_strategy.automatic_promotion: true contradicts "
            "promotion_pipeline.stages.staging.manual_approval; write false"
        )


def _in_alerting(config: Config, repo: Path) -> Iterator[str]:
    alerting = config.alerting
    heard = {severity for channel in alerting.channels for severity in channel.severity_levels}
    expected = {
        "accuracy": config.monitoring.model_metrics.accuracy_tracking.alert_threshold,
        "drift_score": config.monitoring.data_drift_detection.drift_threshold,
    }
    for rule in alerting.rules:
        where = f"alerting.alert_rules.{rule.name}"
        condition = parse_condition(rule.condition)
        if condition.metric not in METRICS:
            yield f"{where}.condition: nothing measures '{condition.metric}'; write one of {', '.join(METRICS)}"
        if rule.severity not in heard:
            yield f"{where}.severity: no channel takes '{rule.severity}'; add it to one channel's severity_levels"
        if rule.runbook and not (repo / rule.runbook).exists():
            yield f"{where}.runbook: {rule.runbook} does not exist"
        limit = expected.get(condition.metric)
        if limit is not None and condition.limit != limit:
            yield f"{where}.condition: {condition.limit:g} is not monitoring's threshold {limit:g} for {condition.metric}"


def _in_search(config: Config) -> Iterator[str]:
    for family, search in config.training.search.families.items():
        section, configured = getattr(config.training.families, family), f"training.families.{family}"
        yield from faults_in(search.space, section, f"training.search.families.{family}.space", configured)
