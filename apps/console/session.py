"""What a command works with: the configuration, the state home, the stores, and whether the platform is up."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Actor, Role
from libs.common.domain.progress import bar
from libs.common.errors import NotAuthorised, TriageError
from libs.common.terminal import StatusLine

TOKEN_VARIABLE = "TRIAGE_TOKEN"
_POLL_S = 0.5
_FAILED = ("FAILED", "CRASHED", "CANCELLED", "MISSING")


@dataclass(frozen=True)
class Session:
    """One command's view of the installation."""

    config: Config
    home: Home
    stores: Stores

    @property
    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(UTC)

    def actor(self) -> Actor:
        """Who is acting: the owner of the token in TRIAGE_TOKEN; NotAuthorised without one, and for a viewer."""
        actor = self.stores.records.principals.authenticate(self.token())
        if actor.role is Role.VIEWER:
            raise NotAuthorised(f"{actor.name} is a viewer and may change nothing", "act as an engineer or an approver")
        return actor

    def token(self) -> str:
        """The token in TRIAGE_TOKEN; NotAuthorised where it is not set."""
        if token := os.environ.get(TOKEN_VARIABLE):
            return token
        raise NotAuthorised(f"{TOKEN_VARIABLE} is not set", "export the token that `triage principal add` printed for you")

    def run_flow(self, name: str, parameters: Mapping[str, Any], wait: bool) -> str:
        """Start a flow by name; with ``wait``, return its result message, TriageError when it fails."""
        run_id = self.stores.orchestrator.start_flow(name, parameters)
        sys.stderr.write(f"{name}: flow run {run_id}\n")
        return self.follow(name, run_id) if wait else run_id

    def follow(self, name: str, run_id: str) -> str:
        """Wait until a flow run ends or is suspended for a person, showing how far it is; returns the state's message."""
        orchestrator = self.stores.orchestrator
        line = StatusLine(sys.stderr)
        while (state := orchestrator.state(run_id)) not in ("COMPLETED", "SUSPENDED", *_FAILED):
            line.show(_standing(name, state, orchestrator.progress(run_id)))
            time.sleep(_POLL_S)
        line.show(_standing(name, state, orchestrator.progress(run_id)), last=True)
        message = orchestrator.message(run_id)
        if state in _FAILED:
            raise TriageError(f"{name} {state.lower()}: {message}", "its log is in the Prefect UI; see: triage status")
        return "waiting for approval" if state == "SUSPENDED" else message


def open_session(env: str | None = None) -> Session:
    """The session of ``env``, or of the environment that is up."""
    from apps.console.runtime.discover import discover

    home = Home.find()
    running = discover(home)
    if running.prefect_api_url:
        os.environ.setdefault("PREFECT_API_URL", running.prefect_api_url)
    config = load_config(env or running.environment)
    return Session(config=config, home=home, stores=connect(config.addresses(home)))


def _standing(name: str, state: str, progress: tuple[float, str] | None) -> str:
    """``build_dataset: running ██████░░ read 12,000 of …``; without a bar where nothing is read yet."""
    percent, said = progress or (0, "")
    drawn = bar(percent / 100) if percent else ""
    return " ".join(part for part in (f"{name}: {state.lower()}", drawn, said) if part)
