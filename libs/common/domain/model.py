"""A registered model: the customer's metadata schema, and how a version is named elsewhere."""

from datetime import datetime
from enum import StrEnum

from libs.common.domain.value import Value
from libs.common.errors import ModelError

SUMMARIZER = "email_summarizer"


class Stage(StrEnum):
    """How far a version has come."""

    NONE = "none"
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"

    @property
    def next(self) -> "Stage":
        """The stage that a version of this stage may be promoted to; production and archived lead nowhere."""
        return _LADDER[_LADDER.index(self) + 1] if self in _LADDER[:-1] else self

    def reached(self, target: "Stage") -> bool:
        """Whether a version of this stage need not climb to ``target`` any more; an archived one does not climb."""
        return self is Stage.ARCHIVED or (target in _LADDER and _LADDER.index(self) >= _LADDER.index(target))


_LADDER = (Stage.NONE, Stage.DEVELOPMENT, Stage.STAGING, Stage.PRODUCTION)


class ModelRef(Value):
    """A model version as serving needs it: who it is, what its bytes must hash to, and where they lie."""

    name: str
    version: str
    digest: str
    uri: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


class PerformanceMetrics(Value):
    """Figures on the untouched holdout; precision, recall and F1 are macro averages; intervals are 95 % bootstrap."""

    accuracy: float
    precision: float
    recall: float
    f1_score: float
    inference_latency_p95_ms: float
    accuracy_low: float
    accuracy_high: float
    calibration_error: float
    holdout_rows: int
    per_class_recall: dict[str, float]

    @property
    def headline(self) -> dict[str, float]:
        """The figures that a version is compared by."""
        return {"accuracy": self.accuracy, "f1_score": self.f1_score}


class SummaryMetrics(Value):
    """Figures of a summarizer on the untouched holdout: mean ROUGE F-measures, ROUGE-1 with a 95 % bootstrap interval.

    ``words`` is the mean length of a line, ``copy_rate`` the share of its words that stand in the e-mail.
    """

    rouge1: float
    rouge2: float
    rouge_l: float
    rouge1_low: float
    rouge1_high: float
    words: float
    copy_rate: float
    inference_latency_p95_ms: float
    holdout_rows: int

    @property
    def headline(self) -> dict[str, float]:
        """The figures that a version is compared by."""
        return {"rouge1": self.rouge1, "rouge2": self.rouge2, "rouge_l": self.rouge_l}


class TrainingDetails(Value):
    """What the model was trained on, how long it took and what it cost."""

    dataset_version: str
    dataset_digest: str
    training_duration_hours: float
    compute_cost_usd: float
    training_date: datetime
    seed: int


class DeploymentRequirements(Value):
    """What a server needs to run it."""

    memory_mb: int
    cpu_cores: int
    gpu_required: bool
    python_version: str
    dependencies: str


class Compliance(Value):
    """What has been reviewed; each flag is set by recorded evidence, never by training."""

    data_privacy_approved: bool = False
    bias_testing_completed: bool = False
    security_scan_passed: bool = False
    regulatory_approval: str = "pending"


class ModelVersion(Value):
    """One registered version, in the schema of the specification (``model_registry.metadata_schema``).

    ``digest`` is the SHA-256 of the artifact's manifest, ``uri`` the folder in the object store that holds the files. A
    summarizer has no ``labels``.
    """

    model_name: str
    version: str
    framework: str
    architecture: str
    family: str
    labels: tuple[str, ...]
    digest: str
    uri: str
    stage: Stage = Stage.NONE
    performance_metrics: PerformanceMetrics | SummaryMetrics
    training_details: TrainingDetails
    deployment_requirements: DeploymentRequirements
    compliance: Compliance = Compliance()

    @property
    def classification(self) -> PerformanceMetrics:
        """The figures of a classifier; ModelError where the version is none."""
        if isinstance(self.performance_metrics, PerformanceMetrics):
            return self.performance_metrics
        raise ModelError(f"{self.ref} is a summarizer and has no accuracy", "name a version of a classifier")

    @property
    def summarizes(self) -> bool:
        """Whether it gives lines, and no categories."""
        return isinstance(self.performance_metrics, SummaryMetrics)

    @property
    def ref(self) -> ModelRef:
        """The short form that traffic rows and rollouts carry."""
        return ModelRef(name=self.model_name, version=self.version, digest=self.digest, uri=self.uri)
