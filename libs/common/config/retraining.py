"""Schema of ``config/retraining.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from libs.common.config.section import Duration, Section, Share
from libs.common.domain.retraining import RetrainingTrigger

UnitInterval = Annotated[float, Field(ge=0, le=1)]


class PerformanceDegradation(Section):
    """Drops against the version's own baseline; ``latency_increase`` in per cent (ADR 9)."""

    accuracy_drop: UnitInterval
    latency_increase: NonNegativeFloat


class DataDrift(Section):
    """Drift and new labels that start a retraining (ADR 6); drift waits for ``labels`` that came since it began (ADR 42)."""

    drift_score: UnitInterval
    labels: NonNegativeInt
    new_data_volume: PositiveInt


class Scheduled(Section):
    """When one starts anyway."""

    frequency: Literal["monthly"]
    day_of_month: Annotated[int, Field(ge=1, le=28)]


class Triggers(Section):
    """What starts a retraining, and how long none follows another."""

    performance_degradation: PerformanceDegradation
    data_drift: DataDrift
    scheduled: Scheduled
    cooldown: Duration


class DataCollection(Section):
    """What the next dataset is made of."""

    feedback_integration: bool
    active_learning: bool
    synthetic_data_augmentation: bool


class ModelSelection(Section):
    """How the next model is chosen."""

    compare_architectures: bool
    hyperparameter_optimization: bool
    ensemble_methods: bool


class Validation(Section):
    """How the next model is judged."""

    holdout_test_set: Share
    cross_validation: Annotated[str, Field(pattern=r"^\d+_fold$")]
    business_metrics_validation: bool

    @property
    def folds(self) -> int:
        """``5_fold`` → 5."""
        return int(self.cross_validation.removesuffix("_fold"))


class RetrainingProcess(Section):
    """From feedback to a candidate."""

    data_collection: DataCollection
    model_selection: ModelSelection
    validation: Validation


class DeploymentStrategy(Section):
    """How the next model is released."""

    champion_challenger: bool
    gradual_rollout: bool
    automatic_promotion: bool


class Retraining(Section):
    """When a model is trained again, on what, and how it is released."""

    triggers: Triggers
    retraining_process: RetrainingProcess
    deployment_strategy: DeploymentStrategy

    @property
    def limits(self) -> RetrainingTrigger:
        """The triggers as the domain judges them."""
        triggers = self.triggers
        return RetrainingTrigger(
            accuracy_drop=triggers.performance_degradation.accuracy_drop,
            latency_increase=triggers.performance_degradation.latency_increase,
            drift_score=triggers.data_drift.drift_score,
            drift_labels=triggers.data_drift.labels,
            new_data_volume=triggers.data_drift.new_data_volume,
            frequency=triggers.scheduled.frequency,
            day_of_month=triggers.scheduled.day_of_month,
            cooldown=triggers.cooldown,
        )
