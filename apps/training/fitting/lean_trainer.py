"""Ray Train's trainer for work that brings its own rows. Imports Ray: import it where something is trained."""

from collections.abc import Callable
from typing import Any

from ray.train import BackendConfig, RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

# Each is a process for as long as a training lasts. One hands out Ray Data, of which there is none here. The other asks Ray's
# dashboard each second whether the controller lives, to give its CPUs back if not; they come back when the driver ends, too.
UNUSED = {"DatasetsCallback", "PlacementGroupCleanerCallback"}


class LeanTrainer(DataParallelTrainer):
    """A trainer of as few processes and imports as there can be.

    ``joined`` makes the backend that lets workers share what they learn. One worker without a GPU has nobody to share with, and
    driver and controller load no torch and no XGBoost for its sake.
    """

    def __init__(
        self, work: Callable[[], None], joined: Callable[[], BackendConfig], scaling: ScalingConfig, run: RunConfig
    ) -> None:
        alone = scaling.num_workers == 1 and not scaling.use_gpu
        super().__init__(work, backend_config=None if alone else joined(), scaling_config=scaling, run_config=run)

    def _create_default_callbacks(self) -> list[Any]:
        return [one for one in super()._create_default_callbacks() if type(one).__name__ not in UNUSED]


def by_torch() -> BackendConfig:
    """Workers average their gradients."""
    from ray.train.torch import TorchConfig

    return TorchConfig()


def by_xgboost() -> BackendConfig:
    """Workers add up what each counted of its own rows."""
    from ray.train.xgboost import XGBoostConfig

    return XGBoostConfig()
