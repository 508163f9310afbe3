"""One packaged model, shared by all that look at what lies in it."""

import pytest

from tests.unit.apps.training.packages import Packaged, small_package


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The artifact of one small model."""
    return small_package(tmp_path_factory.mktemp("package") / "model")
