"""Puts servers and slots on Ray Serve. A server is deployed once; a release only ever touches the slot."""

import re

from apps.serving.autoscaling import scaling_options
from apps.serving.replica import Connect, Load, connect_stores, load_from_store
from apps.serving.routes import SUMMARIZE
from apps.serving.server import Server
from apps.serving.settings import ReplicaSettings
from apps.serving.slot import Slot, slot_name
from libs.common.config.model_serving import AutoScaling, ModelServing
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.errors import ModelError
from libs.common.logs import get_logger
from libs.common.stores.orchestrator.cluster import is_there, quiet, status

logger = get_logger("serving.deploy")

SLOT_ANSWERS_WITHIN_S = 5.0
# The last line of a traceback: ``libs.common.errors.ModelCorrupt: …``.
_ERROR_LINE = re.compile(r"[\w.]*[A-Z]\w+: ")


def deploy_server(
    serving: ModelServing,
    settings: ReplicaSettings,
    connect: Connect = connect_stores,
    load: Load = load_from_store,
) -> bool:
    """Deploy the server of ``settings.model`` and wait until it runs; False when one is there, which is left alone."""
    from ray import serve

    if is_there(settings.model):
        return False
    deployment = serve.deployment(
        name=Server.__name__,
        # Our own bounded queue answers 429 long before Serve would turn anyone away.
        max_ongoing_requests=2 * settings.batch.queue_size,
        ray_actor_options={"num_cpus": serving.replica.logical_cpus},
        **scaling_options(_scaling(serving, settings.model), serving.replica.target_ongoing_requests),
    )
    application = deployment(serve.ingress(None)(Server)).bind(settings, connect, load)
    route_prefix = SUMMARIZE if settings.model == SUMMARIZER else "/"
    serve.run(application, name=settings.model, route_prefix=route_prefix, logging_config=quiet())
    logger.info("%s is deployed", settings.model)
    return True


def _scaling(serving: ModelServing, model: str) -> AutoScaling:
    if model != SUMMARIZER:
        return serving.auto_scaling
    return serving.auto_scaling.model_copy(update={"min_replicas": serving.summaries.min_replicas})


def deploy_slot(serving: ModelServing, ref: ModelRef, settings: ReplicaSettings, load: Load = load_from_store) -> None:
    """Begin to deploy ``ref`` as the candidate of ``settings.model``, in place of any other; see `slot_ready`."""
    from ray import serve

    if slot_ready(settings.model, ref):
        return
    deployment = serve.deployment(
        name=Slot.__name__,
        num_replicas=serving.slot.replicas,
        max_ongoing_requests=serving.slot.max_ongoing_requests,
        max_queued_requests=serving.slot.max_ongoing_requests,
        graceful_shutdown_timeout_s=2.0,
        ray_actor_options={"num_cpus": serving.slot.logical_cpus},
    )
    target = serve.RunTarget(
        deployment(Slot).bind(ref, settings, load), name=slot_name(settings.model), route_prefix=None, logging_config=quiet()
    )
    serve.run_many([target], wait_for_applications_running=False)


def slot_ready(model: str, ref: ModelRef) -> bool:
    """Whether every replica of the slot holds ``ref``, warm; ModelError when it could not be brought up."""
    from ray.exceptions import RayError
    from ray.serve.exceptions import RayServeException

    found = status(slot_name(model))
    if found == "DEPLOY_FAILED":
        raise ModelError(f"{ref} cannot be served: {_failure(slot_name(model))}", "look at the slot's log in Ray's dashboard")
    if found != "RUNNING":
        return False
    try:
        return _loaded(model) == ref.digest
    except (RayError, RayServeException, TimeoutError) as error:
        logger.info("the slot of %s does not answer yet: %s", model, error)
        return False


def _loaded(model: str) -> str:
    """The digest that the slot holds."""
    from ray import serve

    handle = serve.get_deployment_handle(Slot.__name__, app_name=slot_name(model))
    if not handle.is_initialized:  # Serve hands out the same handle again
        # Under Serve's throughput mode a handle lives in the caller's event loop, and a flow has none.
        handle._init(_run_router_in_separate_loop=True)  # pyright: ignore[reportPrivateUsage]
    return handle.loaded.remote().result(timeout_s=SLOT_ANSWERS_WITHIN_S)


def retire_slot(model: str) -> None:
    """Remove the slot; nothing happens where there is none."""
    from ray import serve

    if status(slot_name(model)) is not None:
        serve.delete(slot_name(model))


def _failure(application: str) -> str:
    """The last line of what Serve tells of the deployments that failed: the error itself, below its traceback."""
    from ray import serve

    found = serve.status().applications.get(application)
    told = [deployment.message for deployment in found.deployments.values()] if found else []
    lines = [line.strip() for message in told for line in message.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return (errors or lines or ["no reason was given"])[-1]
