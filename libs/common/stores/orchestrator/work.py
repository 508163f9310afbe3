"""Ray for work that ends: joined where one is named, else started for as long as this process lives."""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from libs.common.errors import DataError, StoreError, TriageError, own_cause

if TYPE_CHECKING:
    from ray.data import DataContext

_BEGUN_WITH = {
    # Without a dashboard there is no state API, and this one refuses at once. Else Ray Data, which asks it about tasks that
    # take long, would ask whichever Ray this machine started last, and wait for ten seconds where that has ended.
    "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:9",
    "RAY_worker_niceness": "0",  # who is to yield says so itself; Ray's own is 15
}
# What goes wrong is raised; the rest would stand between the lines of a command.
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def join_or_start_ray() -> None:
    """Join the Ray of the job or of ``RAY_ADDRESS``; else start one that ends with this process, unless that was done.

    StoreError where Ray does not come up.
    """
    import ray

    if ray.is_initialized():
        return
    named = os.environ.get("RAY_ADDRESS")
    if not named:
        start_ray()
        return
    try:
        ray.init(namespace="triage", **_QUIET)
    except Exception as error:
        raise StoreError(f"the Ray of RAY_ADDRESS={named} cannot be joined: {_line(error)}", "see: triage status") from error


def start_ray(cpus: int | None = None) -> None:
    """Start a Ray without a dashboard that ends with this process; StoreError where it does not come up.

    It books ``cpus`` processors, else those of the machine.
    """
    import ray

    try:
        with _environment(_BEGUN_WITH):
            ray.init(address="local", num_cpus=cpus, include_dashboard=False, **_QUIET)
    except Exception as error:  # Ray raises a bare Exception where a busy machine does not start it in time
        raise StoreError(f"Ray did not start: {_line(error)}", "is the machine busy? run the same command again") from error


@contextmanager
def _environment(variables: dict[str, str]) -> Generator[None]:
    """What starts meanwhile has ``variables``; afterwards they are as they were."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def quiet_data() -> "DataContext":
    """Ray Data's settings in this process, which from now on shows neither bars nor notes; what goes wrong is raised."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it has a handler of its own, whatever Ray's level is
    return context


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
