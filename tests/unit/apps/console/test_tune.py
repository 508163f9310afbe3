"""`triage tune` on a flow that has ended, without a platform."""

from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from apps.console.cli import app
from apps.console.commands import training
from tests.unit.libs.common.domain.test_search import selection


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []
    runs = SimpleNamespace(newest=lambda model, family: selection((0.9, 0.88)))
    session = SimpleNamespace(
        stores=SimpleNamespace(registry=SimpleNamespace(search_runs=runs)),
        run_flow=lambda *call: asked.append(call) or "12 trials: …",
    )
    monkeypatch.setattr(training, "open_session", lambda: session)
    return asked


def test_each_option_is_shown_beside_the_configured_one(asked: list[Any]) -> None:
    answer = CliRunner().invoke(app, ["tune", "--trials", "12"])
    assert answer.stdout.splitlines() == [
        "max_terms\t30000\t5000",
        "rate\t0.1\t0.1235",
        "macro-F1 (worst … best fold)\t0.8500 (0.800 … 0.900)\t0.8900 (0.880 … 0.900)",
        "12 trials: …",
    ]
    ((flow, parameters, wait),) = asked
    assert (flow, wait, parameters["family"], parameters["trials"]) == ("tune_model", True, "tabular", 12)


def test_without_waiting_the_flow_run_is_all_that_is_said(asked: list[Any]) -> None:
    assert CliRunner().invoke(app, ["tune", "--no-wait"]).stdout == "12 trials: …\n"
