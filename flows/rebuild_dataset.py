"""Build a dataset version again from its lineage, and say whether it comes out the same."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from apps.training.datasets.rebuild import rebuild, require_same
from apps.training.provenance import Stamp, code_commit, config_digest
from flows.build_dataset import feedback_of
from flows.context import open_context
from flows.progress import told_to
from libs.common.stores.orchestrator import connect_ray


@flow(name="rebuild_dataset", flow_run_name="{name}", persist_result=True)
def rebuild_dataset(name: str = "emails", version: str = "latest") -> State:
    """Commits nothing; DataError names what differs first, or the source that is gone."""
    context = open_context()
    committed = context.stores.datasets.get(name, version)
    connect_ray()
    stamp = Stamp(context.now(), code_commit(), config_digest(context.config))
    again = rebuild(committed, stamp, feedback_of(context), told_to(context.stores.orchestrator))
    return Completed(message=require_same(committed, again))
