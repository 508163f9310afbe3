"""Train again on the latest data: sources and feedback, then a promotion that waits for a person."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from apps.training.course import TrainRequest
from apps.training.datasets.rebuild import request_of
from flows.build_dataset import commit, feedback_of
from flows.context import FlowContext, open_context
from flows.train_model import train
from libs.common.domain.dataset import DatasetVersion


@flow(name="retrain_model", flow_run_name="{model}", persist_result=True)
def retrain_model(model: str = "email_classifier", reasons: list[str] | None = None, dataset: str = "emails") -> State:
    """Build, train, and ask for the promotion of the best; returns the version and its promotion's flow run."""
    context = open_context()
    context.audit("retrain_model", "retraining_begun", model, {"reasons": reasons or []})
    version = _next_dataset(context, dataset)
    request = TrainRequest(model_name=model, families=families_of(context, model), request_id=flow_run.get_id() or "")
    best = train(context, request, dataset, version.version)[0]
    parameters = {"model": model, "version": best.version, "to": "production", "requested_by": "flow:retrain_model"}
    run_id = context.stores.orchestrator.start_flow("promote_model", parameters, idempotency_key=f"promote-{best.digest}")
    return Completed(message=f"{best.ref} on {version.tag}; promotion {run_id} started")


def families_of(context: FlowContext, model: str) -> tuple[str, ...]:
    """What is fitted: the configured families where architectures are to be compared, else that of the champion alone."""
    champion = context.stores.registry.champion(model)
    compared = context.config.retraining.retraining_process.model_selection.compare_architectures
    return () if compared or champion is None else (champion.family,)


def _next_dataset(context: FlowContext, name: str) -> DatasetVersion:
    """The sources of the latest version, read again, and what users have said since."""
    latest = context.stores.datasets.get(name)
    settings = context.config
    quality, drift = settings.data_pipeline.preprocessing.quality_threshold, settings.monitoring.data_drift_detection
    request = request_of(latest, min_quality=quality, drift_threshold=drift.drift_threshold)
    with_feedback = settings.retraining.retraining_process.data_collection.feedback_integration
    return commit(context, request, feedback_of(context) if with_feedback else ())
