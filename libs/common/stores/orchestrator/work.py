"""Ray for work that ends: joined where one is named, else started for as long as this process lives."""

import os

from libs.common.errors import DataError, StoreError, TriageError, own_cause


def join_or_start_ray() -> None:
    """Join the Ray of the job or of ``RAY_ADDRESS``; else start one that ends with this process, unless that was done.

    StoreError where Ray does not come up.
    """
    import ray

    if ray.is_initialized():
        return
    named = os.environ.get("RAY_ADDRESS")
    try:
        if named:
            ray.init(namespace="triage", log_to_driver=False)
        else:
            ray.init(address="local", include_dashboard=False, log_to_driver=False)
    except Exception as error:  # Ray raises a bare Exception where a busy machine does not start it in time
        found = " ".join(str(error).split())
        if named:
            raise StoreError(f"the Ray of RAY_ADDRESS={named} cannot be joined: {found}", "see: triage status") from error
        raise StoreError(f"Ray did not start: {found}", "is the machine busy? run the same command again") from error


def most_at_once(tasks: int) -> int | None:
    """One task a core where Ray is on one machine, which may book more CPUs than it has cores; a cluster books what it has."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    return min(tasks, os.cpu_count() or 1) if len(alive) == 1 else None


def own_error(error: BaseException, doing: str) -> TriageError:
    """Our own error that a task raised while ``doing`` that, from below Ray's wrapping; else a DataError with what Ray says."""
    if own := own_cause(error):
        return own
    return DataError(f"{doing} failed: {str(error).strip().splitlines()[-1]}", "see Ray's log of the failed task")
