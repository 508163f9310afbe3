"""Build, check and commit the next version of a dataset."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from apps.training.datasets.build import BuildRequest
from apps.training.pipeline import build_version
from apps.training.provenance import config_digest
from flows.context import FlowContext, open_context
from flows.progress import told_to
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.triage import Feedback
from libs.common.stores.orchestrator import connect_ray


@flow(name="build_dataset", flow_run_name="{name}", persist_result=True)
def build_dataset(
    name: str = "emails",
    sources: list[str] | None = None,
    recipe: str | None = None,
    relabel: dict[str, str] | None = None,
    order: str = "random",
    seed: int = 0,
    with_feedback: bool = False,
) -> State:
    """Build from ``sources`` (default: the configured ones); the state's message names the new version."""
    context = open_context()
    request = BuildRequest(
        name=name,
        sources=tuple(sources or context.config.data_pipeline.ingestion.uris),
        recipe=recipe,
        relabel=relabel or {},
        order=order,
        seed=seed,
        min_quality=context.config.data_pipeline.preprocessing.quality_threshold,
        drift_threshold=context.config.monitoring.data_drift_detection.drift_threshold,
    )
    return Completed(message=commit(context, request, feedback_of(context) if with_feedback else ()).tag)


def commit(context: FlowContext, request: BuildRequest, feedback: tuple[Feedback, ...]) -> DatasetVersion:
    """Build on the running Ray and write the outcome into the audit chain."""
    connect_ray()
    place, watch = context.workplace("build_dataset"), told_to(context.stores.orchestrator)
    return build_version(place, request, config_digest(context.config), feedback, watch)


def feedback_of(context: FlowContext) -> tuple[Feedback, ...]:
    """All feedback that carries its e-mail."""
    return tuple(context.stores.records.feedback.handed_over())
