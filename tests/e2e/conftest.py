"""One installation for all journeys: up once, with a dataset, a released version, and people."""

from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform, until


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Everything running, and version 1 live."""
    platform = Platform(tmp_path_factory.mktemp("journeys") / "home")
    try:
        platform.up()
        platform.add_people()
        platform.run("dataset", "build", "--source", "synthetic://?n=1000&seed=7")
        first = platform.train(seed=1)
        platform.approve_for_production(first.version)
        until(lambda: platform.released(first.version), 90, "the first version is live")
        yield platform
    finally:
        platform.down()
