"""Schema of ``config/model_registry.yaml``: the shape of the customer's metadata example, whose values bind nobody."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from libs.common.config.section import Section

UnitInterval = Annotated[float, Field(ge=0, le=1)]


class PerformanceExample(Section):
    """Figures of the example."""

    accuracy: UnitInterval
    precision: UnitInterval
    recall: UnitInterval
    f1_score: UnitInterval
    inference_latency_p95_ms: NonNegativeFloat


class TrainingExample(Section):
    """Training facts of the example."""

    dataset_version: str
    training_duration_hours: NonNegativeFloat
    compute_cost_usd: NonNegativeFloat
    training_date: datetime


class DeploymentExample(Section):
    """Needs of the example."""

    memory_mb: PositiveInt
    cpu_cores: PositiveInt
    gpu_required: bool
    python_version: str
    dependencies: str


class ComplianceExample(Section):
    """Reviews of the example."""

    data_privacy_approved: bool
    bias_testing_completed: bool
    security_scan_passed: bool
    regulatory_approval: str


class MetadataSchema(Section):
    """The keys that every registered version carries; see ``libs.common.domain.model.ModelVersion``."""

    model_name: str
    version: str
    framework: str
    architecture: str
    performance_metrics: PerformanceExample
    training_details: TrainingExample
    deployment_requirements: DeploymentExample
    compliance: ComplianceExample


class ModelRegistry(Section):
    """The metadata schema of the registry."""

    metadata_schema: MetadataSchema
