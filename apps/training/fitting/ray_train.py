"""What all that is fitted on Ray shares: a connected Ray, where a run lies, and its checkpoint or an error that says why."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from apps.training.fitting.compute import Machines
from libs.common.errors import ModelError, StoreError
from libs.common.logs import get_logger

if TYPE_CHECKING:
    from ray.train import RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

log = get_logger("training.ray_train")

_RUN = "fit"
# A worker that was killed is started again this often; what it does wrong by itself fails that often, too.
_RESTARTS = 3
# Threads that spin for long while they wait take the other half of a shared machine from serving; those that sleep at once
# are woken for each operation, and come late. So many turns are some microseconds.
WORKER_VARIABLES = {"GOMP_SPINCOUNT": "3000", "HF_HUB_OFFLINE": "1"}
# What Ray Train reads in its driver's environment, unless that has it already.
_DRIVER_VARIABLES = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # a run that has ended is seen so much later
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # a process a training, which waits for a notice that only clouds give
}


def machines() -> Machines:
    """What the connected Ray has; this machine without its GPUs where none is connected, since only Ray's workers use them."""
    import ray

    if not ray.is_initialized():
        return Machines(cpus=os.cpu_count() or 1, gpus=0, nodes=1)
    there = ray.cluster_resources()
    nodes = sum(bool(node["Alive"]) for node in ray.nodes())
    return Machines(cpus=int(there.get("CPU", 1)), gpus=int(there.get("GPU", 0)), nodes=nodes)


def scaling(workers: int, use_gpu: bool) -> "ScalingConfig":
    """So many workers, each with a GPU where one is wanted and Ray has any."""
    from ray.train import ScalingConfig

    return ScalingConfig(num_workers=workers, use_gpu=use_gpu and machines().gpus > 0)


def require_ray() -> None:
    """StoreError where this process has joined no Ray."""
    import ray

    if not ray.is_initialized():
        raise StoreError("Ray is not connected", "connect at the front door first: ray.init(address=…)")


def run_config(folder: Path, kept_by: str | None = None) -> "RunConfig":
    """A run below ``folder`` that goes on from the latest checkpoint there; kept are that and the best by a metric."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig

    return RunConfig(
        name=_RUN,
        storage_path=str(folder / "ray"),
        failure_config=FailureConfig(max_failures=_RESTARTS),
        checkpoint_config=CheckpointConfig(num_to_keep=1, checkpoint_score_attribute=kept_by),
        worker_runtime_env={"env_vars": WORKER_VARIABLES},
    )


def forget_unreadable(folder: Path) -> None:
    """Remove the run below ``folder`` if no other can go on from it: its record is not written in one piece."""
    from ray.train import Result

    run = folder / "ray" / _RUN
    if not run.exists():
        return
    try:
        Result.from_path(run)
    except RuntimeError:
        return  # it was killed before its first checkpoint
    except Exception as error:  # noqa: BLE001 (any, according to what its record made Ray stumble over)
        log.warning("the training run in %s cannot be continued and begins anew: %s", folder, error)
        shutil.rmtree(run)


def train(trainer: "DataParallelTrainer", what: str, workspace: Path) -> Path:
    """Run the trainer; returns the folder of its checkpoint, ModelError where there is none."""
    require_ray()
    os.environ |= _DRIVER_VARIABLES | os.environ
    try:
        checkpoint = trainer.fit().checkpoint
    except Exception as error:
        raise ModelError(f"{what} failed: {error}", "the worker's log above says where") from error
    if checkpoint is None:
        raise ModelError(f"{what} ended without a checkpoint", "look for the worker's error in the log above")
    return Path(checkpoint.to_directory(tempfile.mkdtemp(prefix="checkpoint-", dir=workspace)))
