"""What runs our work: flows on a Prefect server, jobs and applications on a Ray cluster."""

from libs.common.stores.orchestrator.cluster import connect_ray, deploy_api, start_serve
from libs.common.stores.orchestrator.flows import FlowRun, Orchestrator
from libs.common.stores.orchestrator.jobs import submit_job, wait_job
from libs.common.stores.orchestrator.work import join_or_start_ray, most_at_once, own_error, quiet_data, start_ray

__all__ = [
    "FlowRun",
    "Orchestrator",
    "connect_ray",
    "deploy_api",
    "join_or_start_ray",
    "most_at_once",
    "own_error",
    "quiet_data",
    "start_ray",
    "start_serve",
    "submit_job",
    "wait_job",
]
