"""Replicas that a test may open as it needs them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.apps.serving.rooms import Room, open_room


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    rooms: list[Room] = []

    async def open_one(**changed: Any) -> Room:
        rooms.append(await open_room(tmp_path, **changed))
        return rooms[-1]

    yield open_one
    for room in rooms:
        await room.http.aclose()
        await room.replica.stop()
