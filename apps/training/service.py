"""The Serve deployment around the training API: one replica that starts flows by name, and fits nothing itself."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apps.training.desk import TrainingDesk
from libs.common.config.configuration import Addresses, Config
from libs.common.config.home import Home
from libs.common.connect import connect
from libs.common.logs import set_up_logs
from libs.common.stores.orchestrator import Orchestrator

if TYPE_CHECKING:
    from fastapi import FastAPI

APPLICATION = "training"
ROUTE = "/training"


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Where the desk finds its stores and the flows."""

    addresses: Addresses
    orchestrator_url: str

    @classmethod
    def of(cls, config: Config, home: Home) -> "DeskSettings":
        """The settings under ``config``; the Prefect server is the one that ``PREFECT_API_URL`` names now."""
        return cls(config.addresses(home), os.environ.get("PREFECT_API_URL", ""))


class Trainings:
    """Answers the training API."""

    def __init__(self, settings: DeskSettings) -> None:
        set_up_logs()
        records = connect(settings.addresses).records
        flows = Orchestrator(settings.orchestrator_url)
        self._desk = TrainingDesk(flows, records.principals, records.audit.append, lambda: datetime.now(UTC))

    def __serve_build_asgi_app__(self) -> "FastAPI":
        """What Serve's ingress calls."""
        from apps.training.api import build_api

        return build_api(self._desk)
