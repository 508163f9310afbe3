"""Search the options of one family on the folds of a dataset version; a run that starts again goes on."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from apps.training.search.question import TuneRequest
from apps.training.search.tune import tune_version
from flows.context import FlowContext, open_context
from flows.progress import told_to
from libs.common.domain.search import TunedOptions
from libs.common.stores.orchestrator import connect_ray


@flow(name="tune_model", flow_run_name="{model}/{family}", persist_result=True)
def tune_model(
    model: str = "email_classifier",
    family: str = "tabular",
    dataset: str = "emails",
    version: str = "latest",
    trials: int = 0,
    seed: int = 0,
) -> State:
    """Try the configured number of options, or ``trials``; the state's message says what came of it."""
    request = TuneRequest(model_name=model, family=family, seed=seed, trials=trials)
    return Completed(message=str(tune(open_context(), request, dataset, version)))


def tune(context: FlowContext, request: TuneRequest, dataset: str, version: str) -> TunedOptions:
    """Search on the running Ray and write the outcome into the audit chain."""
    found = context.stores.datasets.get(dataset, version)
    connect_ray()
    place, watch = context.workplace("tune_model"), told_to(context.stores.orchestrator)
    return tune_version(place, request, context.config.training, found, context.home.searches, watch)
