"""What the tests of flows share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.context import FlowContext
from tests.unit.flows.standing import Orchestrator, Registry, standing, version


@pytest.fixture
def orchestrator() -> Orchestrator:
    return Orchestrator()


@pytest.fixture
def registry() -> Registry:
    return Registry(version())


@pytest.fixture
def context(tmp_path: Path, orchestrator: Orchestrator, registry: Registry) -> Iterator[FlowContext]:
    with standing(tmp_path, orchestrator, registry) as context:
        yield context
