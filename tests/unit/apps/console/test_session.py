"""Who waits for a flow sees how far it is."""

from pathlib import Path

import pytest

from apps.console import session
from apps.console.session import Session
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores
from libs.common.errors import TriageError


class Scripted:
    """A flow run that goes through some states."""

    def __init__(self, *states: str) -> None:
        self._states = iter(states)

    def state(self, _: str) -> str:
        return next(self._states)

    def progress(self, _: str) -> tuple[float, str] | None:
        return (25.0, "read 5 of 20 e-mails")

    def message(self, _: str) -> str:
        return "emails/v1.0.0"


def waiting_for(state_home: Home, *states: str) -> Session:
    config = load_config("local")
    stores = Stores(config.addresses(state_home))
    stores.__dict__["orchestrator"] = Scripted(*states)
    return Session(config, state_home, stores)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_POLL_S", 0)


def test_the_last_line_says_how_far_it_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert waiting_for(Home(tmp_path), "RUNNING", "RUNNING", "COMPLETED").follow("build_dataset", "run") == "emails/v1.0.0"
    assert capsys.readouterr().err == "build_dataset: completed ██████░░░░░░░░░░░░░░░░░░ read 5 of 20 e-mails\n"


def test_a_run_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match="build_dataset failed"):
        waiting_for(Home(tmp_path), "PENDING", "FAILED").follow("build_dataset", "run")
