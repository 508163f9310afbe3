"""One installation for all journeys: up once, with a dataset, a released version, and people."""

from collections.abc import Iterator

import pytest

from libs.common.domain.rollout import RolloutPhase
from tests.e2e.platform import Platform, until


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Everything running, and version 1 live."""
    platform = Platform(tmp_path_factory.mktemp("journeys") / "home")
    try:
        platform.up()
        platform.add_people()
        platform.run("dataset", "build", "--source", "synthetic://?n=1500&seed=7")
        first = platform.train(seed=1)
        platform.approve_for_production(first.version)
        until(lambda: _released(platform, first.version), 90, "the first version is live")
        yield platform
    finally:
        platform.down()


def _released(platform: Platform, version: str) -> bool:
    rollout = platform.rollout_of(version)
    return rollout is not None and rollout.phase is RolloutPhase.SUCCEEDED
