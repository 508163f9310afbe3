"""A version as it is handed to the registry, which numbers it and says where it lies."""

from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.provenance import Provenance
from apps.training.packaging.requirements import deployment_requirements
from libs.common.domain.model import ModelVersion, PerformanceMetrics, SummaryMetrics
from libs.common.stores.registry import UNREGISTERED


def draft_version(
    provenance: Provenance,
    labels: tuple[str, ...],
    digest: str,
    figures: PerformanceMetrics | SummaryMetrics,
    measured: Footprint,
) -> ModelVersion:
    """The draft of a packaged model whose artifact has ``digest``; a summarizer has no ``labels``."""
    return ModelVersion(
        model_name=provenance.model_name,
        version=UNREGISTERED,
        framework=provenance.framework,
        architecture=provenance.architecture,
        family=provenance.family,
        labels=labels,
        digest=digest,
        uri="",
        performance_metrics=figures,
        training_details=provenance.training,
        deployment_requirements=deployment_requirements(provenance.family, measured),
    )
