"""A training has the processes and imports that it uses, and no others."""

from pathlib import Path

import pytest
from ray.train import BackendConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from apps.training.fitting.lean_trainer import UNUSED, LeanTrainer, by_torch, by_xgboost
from apps.training.fitting.ray_train import run_config

pytestmark = pytest.mark.filterwarnings("default")  # Ray copies settings that it deprecates


def work() -> None:
    """What no test here runs."""


def nobody() -> BackendConfig:
    pytest.fail("one worker has nobody to share with")


def callbacks(trainer: DataParallelTrainer) -> set[str]:
    return {type(one).__name__ for one in trainer._create_default_callbacks()}


def test_what_is_left_out_is_what_ray_would_have_begun(tmp_path: Path) -> None:
    scaling, run = ScalingConfig(num_workers=1), run_config(tmp_path)
    usual = callbacks(DataParallelTrainer(work, scaling_config=scaling, run_config=run))
    assert usual > UNUSED, "Ray Train has renamed them"
    assert callbacks(LeanTrainer(work, nobody, scaling, run)) == usual - UNUSED


@pytest.mark.parametrize(("joined", "kind"), [(by_torch, "TorchConfig"), (by_xgboost, "XGBoostConfig")])
def test_several_workers_and_gpus_share_by_the_librarys_own_means(joined, kind: str, tmp_path: Path) -> None:
    for scaling in (ScalingConfig(num_workers=2), ScalingConfig(num_workers=1, use_gpu=True)):
        assert type(LeanTrainer(work, joined, scaling, run_config(tmp_path)).backend_config).__name__ == kind
