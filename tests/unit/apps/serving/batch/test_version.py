"""Who triages where nobody is named: the version that answers now, else the champion."""

from types import SimpleNamespace
from typing import Any

import pytest

from apps.serving.batch.version import find_version
from libs.common.domain.traffic import Traffic
from libs.common.errors import ModelNotFound
from tests.unit.apps.serving.fakes import MODEL, TrafficInMemory, ref


def stores(live: str | None, champion: str | None) -> Any:
    row = Traffic(model=MODEL, stable=ref(live) if live else None)
    registry = SimpleNamespace(get=lambda name, version: f"{name}/{version}", champion=lambda name: champion)
    return SimpleNamespace(registry=registry, records=SimpleNamespace(traffic=TrafficInMemory(row)))


@pytest.mark.parametrize(
    ("live", "champion", "asked", "found"),
    [
        ("2", "champion", "live", f"{MODEL}/2"),
        (None, "champion", "live", "champion"),
        ("2", "champion", "7", f"{MODEL}/7"),
        ("2", None, "@champion", f"{MODEL}/@champion"),
    ],
)
def test_a_version_is_found(live: str | None, champion: str | None, asked: str, found: str) -> None:
    assert find_version(stores(live, champion), MODEL, asked) == found


def test_without_a_live_version_one_must_be_named() -> None:
    with pytest.raises(ModelNotFound, match=f"no version of {MODEL} is live") as caught:
        find_version(stores(None, None), MODEL)
    assert "--version" in caught.value.hint
