"""Schema of ``config/cost_optimization.yaml``."""

from typing import Literal

from libs.common.config.section import Duration, Section

CachingStrategy = Literal["aggressive", "off"]


class ComputeOptimization(Section):
    """Cheaper machines."""

    spot_instances: bool
    auto_scaling: bool
    rightsizing_recommendations: Duration


class StorageOptimization(Section):
    """Smaller and colder files."""

    model_compression: bool
    artifact_lifecycle_management: bool
    cold_storage_transition: Duration


class InferenceOptimization(Section):
    """Cheaper answers; ``caching_strategy`` says whether replicas keep them (``model_serving.result_caching``)."""

    model_quantization: Literal["int8", "fp32"]
    batch_inference: bool
    caching_strategy: CachingStrategy


class CostMonitoring(Section):
    """Who pays for what."""

    budget_alerts: bool
    cost_allocation_tags: tuple[str, ...]
    optimization_recommendations: Literal["automated"]


class CostOptimization(Section):
    """What may be spent, and how it is kept low."""

    compute_optimization: ComputeOptimization
    storage_optimization: StorageOptimization
    inference_optimization: InferenceOptimization
    cost_monitoring: CostMonitoring
