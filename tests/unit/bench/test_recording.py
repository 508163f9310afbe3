import json
from pathlib import Path
from typing import Any

import pytest

from bench import recording
from bench.recording import Figure, record, spread


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(recording, "REPO", tmp_path)
    return tmp_path / "bench" / "results" / "speed.json"


def figures_in(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["figures"]


def test_what_is_kept_says_of_when_it_is(results: Path) -> None:
    record("speed", {"first": Figure(1, "s"), "second": Figure(1, "s")})
    before = json.loads(results.read_text())
    record("speed", {"second": Figure(2, "s")}, keep=True)
    found = figures_in(results)
    assert (found["first"]["value"], found["first"]["date"], found["first"]["commit"]) == (1, before["date"], before["commit"])
    assert found["second"]["value"] == 2
    assert "date" not in found["second"]


def test_without_keeping_only_the_new_figures_stand(results: Path) -> None:
    record("speed", {"first": Figure(1, "s")})
    record("speed", {"second": Figure(2, "s")})
    assert list(figures_in(results)) == ["second"]


def test_repetitions_are_told_by_their_median_and_extremes() -> None:
    assert spread([3.0, 1.0, 2.004], "s", 2) == Figure(2.0, "s", 1.0, 3.0)
