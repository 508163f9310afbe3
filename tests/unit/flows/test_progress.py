"""A flow run tells how far it is, and goes on where nobody can be told."""

import logging
from typing import Any

import pytest
from prefect.runtime import flow_run

from flows.progress import told_to
from libs.common.domain.progress import Progress, unwatched
from libs.common.errors import StoreError

HALF, ALL = Progress(done=5, total=10, seconds=1), Progress(done=10, total=10, seconds=1.1)


class Told:
    """Keeps what it is told."""

    def __init__(self, away: bool = False) -> None:
        self.heard: list[tuple[str, float, str]] = []
        self._away = away

    def tell_progress(self, *told: Any) -> None:
        if self._away:
            raise StoreError("the Prefect server does not answer")
        self.heard.append(told)


def test_the_run_of_this_process_is_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_run, "get_id", lambda: "run")
    orchestrator: Any = Told()
    watch = told_to(orchestrator)
    watch(HALF)
    watch(ALL)
    assert orchestrator.heard == [("run", 50, str(HALF)), ("run", 100, str(ALL))]


def test_outside_a_run_there_is_nothing_to_tell() -> None:
    orchestrator: Any = Told()
    assert told_to(orchestrator) is unwatched


def test_a_server_that_is_away_stops_no_build(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(flow_run, "get_id", lambda: "run")
    orchestrator: Any = Told(away=True)
    with caplog.at_level(logging.WARNING, logger="triage.flows.progress"):
        told_to(orchestrator)(HALF)
    assert "does not answer" in caplog.text
