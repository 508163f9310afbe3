"""How far a flow run is, on its page in the orchestrator, from where a waiting command shows it."""

from prefect.runtime import flow_run

from libs.common.domain.progress import Progress, Watch, paced, unwatched
from libs.common.errors import StoreError
from libs.common.logs import get_logger
from libs.common.stores.orchestrator import Orchestrator

log = get_logger("flows.progress")


def told_to(orchestrator: Orchestrator, every_s: float = 1) -> Watch:
    """Tells the orchestrator, once in ``every_s`` at most, about the flow run of this process; a run of none is not watched."""
    run_id = flow_run.get_id()
    if not run_id:
        return unwatched

    def tell(progress: Progress) -> None:
        try:
            orchestrator.tell_progress(run_id, 100 * progress.share, str(progress))
        except StoreError as error:
            log.warning("%s; not told to it: %s", error.message, progress)

    return paced(tell, every_s)
