"""Fit each wanted family on one dataset version, judge them on its untouched holdout, and register them."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed

from apps.training.course import TrainRequest
from apps.training.pipeline import train_versions
from flows.context import FlowContext, open_context
from flows.progress import told_to
from libs.common.domain.model import ModelVersion
from libs.common.stores.orchestrator import connect_ray


@flow(name="train_model", flow_run_name="{model}", persist_result=True)
def train_model(
    model: str = "email_classifier",
    dataset: str = "emails",
    version: str = "latest",
    families: list[str] | None = None,
    seed: int = 0,
    tuned: bool = False,
    profile: str = "",
) -> State:
    """Train ``families`` on a compute ``profile`` (default: the configured); returns the registered versions, best first."""
    chosen = tuple(families or ())
    run_id = flow_run.get_id() or ""
    request = TrainRequest(model_name=model, families=chosen, seed=seed, tuned=tuned, request_id=run_id, profile=profile)
    trained = train(open_context(), request, dataset, version)
    return Completed(message=", ".join(f"{one.ref} ({one.family})" for one in trained))


def train(context: FlowContext, request: TrainRequest, dataset: str, version: str) -> list[ModelVersion]:
    """Train on the running Ray and write the outcome into the audit chain; returns the versions, best first."""
    connect_ray()
    bias = context.config.monitoring.model_bias_monitoring
    held_to = {"protected_attributes": bias.protected_attributes, "bias_threshold": bias.bias_threshold}
    request = request.model_copy(update=held_to)
    place, watch = context.workplace("train_model"), told_to(context.stores.orchestrator, every_s=0)
    return train_versions(place, request, context.config.training, dataset, version, watch)
