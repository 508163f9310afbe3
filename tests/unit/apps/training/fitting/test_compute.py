from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.fitting.compute import Machines, compute_of, fit_to, on_machines
from libs.common.config.loader import load_config
from libs.common.config.training import Families, TransformerFamily
from libs.common.errors import ConfigError

TRAINING = load_config("local").training
DEVELOPMENT, PRODUCTION = TRAINING.compute_resources.development, TRAINING.compute_resources.production_training
LAPTOP, ONE_GPU, CLUSTER = Machines(8, 0, 1), Machines(16, 1, 1), Machines(48, 6, 6)


def families(**changed: Any) -> Families:
    """The configured families, the transformer's options changed."""
    transformer = TRAINING.families.transformer.model_copy(update=changed)
    return TRAINING.families.model_copy(update={"transformer": transformer})


def chosen(family: TransformerFamily) -> tuple[int, int, bool]:
    return family.workers, family.threads_per_worker, family.use_gpu


@pytest.mark.parametrize(
    ("profile", "there", "expected"),
    [
        (DEVELOPMENT, LAPTOP, (1, 2, False)),
        (DEVELOPMENT, ONE_GPU, (1, 2, True)),
        (DEVELOPMENT, CLUSTER, (1, 2, True)),
        (PRODUCTION, LAPTOP, (1, 2, False)),
        (PRODUCTION, Machines(12, 0, 3), (3, 2, False)),
        (PRODUCTION, ONE_GPU, (1, 2, True)),
        (PRODUCTION, CLUSTER, (4, 2, True)),
        (PRODUCTION, Machines(4, 2, 9), (2, 2, True)),
        (PRODUCTION, Machines(4, 0, 4), (4, 1, False)),
    ],
)
def test_a_profile_takes_what_is_there(profile: Any, there: Machines, expected: tuple[int, int, bool]) -> None:
    assert chosen(fit_to(families(use_gpu=True), profile, there).transformer) == expected


def test_a_family_that_uses_no_gpu_scales_with_the_nodes() -> None:
    fitted = fit_to(families(use_gpu=False), PRODUCTION, Machines(48, 6, 3))
    assert chosen(fitted.transformer) == (3, 2, False)
    assert fitted.boosted.workers == 3
    assert fitted.tabular == TRAINING.families.tabular
    assert fitted.default == TRAINING.families.default


@given(
    cpus=st.integers(1, 500),
    gpus=st.integers(0, 50),
    nodes=st.integers(1, 100),
    workers=st.integers(1, 64),
    threads=st.integers(1, 64),
    profile=st.sampled_from([DEVELOPMENT, PRODUCTION]),
)
def test_nothing_is_taken_beyond_the_profile_and_the_machines(
    cpus: int, gpus: int, nodes: int, workers: int, threads: int, profile: Any
) -> None:
    asked = families(workers=workers, threads_per_worker=threads)
    got = fit_to(asked, profile, Machines(cpus, gpus, nodes)).transformer
    assert 1 <= got.workers <= profile.max_instances
    assert 1 <= got.threads_per_worker <= threads
    assert got.threads_per_worker == 1 or got.threads_per_worker * got.workers <= cpus
    assert got.use_gpu == (gpus > 0)
    assert not (got.use_gpu and profile.auto_scaling) or got.workers <= gpus


def test_each_worker_costs_an_instance_of_the_profile() -> None:
    four = families(workers=4)
    assert compute_of("transformer", four, PRODUCTION).usd_per_hour == pytest.approx(4 * 3.825)
    assert compute_of("tabular", four, DEVELOPMENT).usd_per_hour == pytest.approx(0.115)


def test_a_cascade_is_fitted_on_the_machines_of_its_transformer() -> None:
    four = families(workers=4)
    assert compute_of("cascade", four, PRODUCTION) == compute_of("transformer", four, PRODUCTION)
    assert compute_of("cascade", four, PRODUCTION).params["workers"] == 4


def test_summarizers_take_their_machines_by_the_same_profile() -> None:
    fitted = on_machines(TRAINING, PRODUCTION, Machines(48, 0, 3))
    assert (fitted.summarizers.t5.workers, fitted.summarizers.extractive.workers, fitted.families.boosted.workers) == (3, 3, 3)
    assert compute_of("gpt", fitted.summarizers, PRODUCTION).params == {
        "instance_type": "ml.p3.2xlarge",
        "storage_bytes": 200 * 10**9,
        "workers": 3,
        "threads_per_worker": 2,
        "use_gpu": False,
    }


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'moon'; write one of development, production_training"):
        TRAINING.compute_resources.named("moon")


def test_production_trains_on_its_own_profile() -> None:
    assert (TRAINING.profile, load_config("production").training.profile) == ("development", "production_training")
