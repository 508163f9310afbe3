from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apps.training import pipeline
from apps.training.course import TrainRequest
from apps.training.fitting.run_folders import RunFolders
from apps.training.pipeline import Workplace, train_versions
from libs.common.domain.audit import Actor, Role


def test_the_run_of_a_training_that_was_killed_is_there_for_the_next_until_all_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = tmp_path / "trainings"
    found: list[bool] = []

    def train_models(*given: Any) -> list[Any]:
        runs: RunFolders = given[-2]
        folder = runs.folder("digest")
        assert folder is not None
        found.append((folder / "checkpoint").exists())
        (folder / "checkpoint").touch()
        if len(found) == 1:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr(pipeline, "train_models", train_models)
    version = SimpleNamespace(name="emails", version="1.0.0", tag="emails/v1.0.0")
    stores: Any = SimpleNamespace(
        datasets=SimpleNamespace(get=lambda *_: version, checkout=lambda *_: tmp_path), registry=None, records=None
    )
    place = Workplace(stores, Actor(name="job", role=Role.SYSTEM), datetime(2026, 1, 2, tzinfo=UTC), trainings)
    settings: Any = None
    with pytest.raises(KeyboardInterrupt):
        train_versions(place, TrainRequest(), settings, "emails", "latest")
    assert [folder.name for folder in trainings.iterdir()] == ["digest"]
    train_versions(place, TrainRequest(), settings, "emails", "latest")
    assert found == [False, True]
    assert list(trainings.iterdir()) == []
