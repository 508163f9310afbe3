"""The Serve deployment around the watch: one replica, a thread that watches, and the API beside it."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.monitoring.api import build_api
from apps.monitoring.channels import open_channels
from apps.monitoring.references import References
from apps.monitoring.respond import Responder
from apps.monitoring.retrain import Retrainer
from apps.monitoring.watch import Watcher
from libs.common.config.alerting import Alerting
from libs.common.config.configuration import Addresses, Config
from libs.common.config.home import Home
from libs.common.config.monitoring import Monitoring
from libs.common.connect import Stores, connect
from libs.common.domain.retraining import RetrainingTrigger
from libs.common.logs import set_up_logs

if TYPE_CHECKING:
    from fastapi import FastAPI

APPLICATION = "monitoring"
ROUTE = "/monitoring"
# The health route forgives two missed cycles, and never less than this: a cycle may wait for a slow channel.
PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """Everything the watch needs, in plain values: the replica reads no configuration by itself."""

    models: tuple[str, ...]
    addresses: Addresses
    orchestrator_url: str
    artifacts: Path
    monitoring: Monitoring
    alerting: Alerting
    limits: RetrainingTrigger

    @classmethod
    def of(cls, config: Config, home: Home) -> "MonitorSettings":
        """The settings under ``config``; the Prefect server is the one that ``PREFECT_API_URL`` names now."""
        return cls(
            models=config.platform.models,
            addresses=config.addresses(home),
            orchestrator_url=os.environ.get("PREFECT_API_URL", ""),
            artifacts=home.models,
            monitoring=config.monitoring,
            alerting=config.alerting,
            limits=config.retraining.limits,
        )


def build_watcher(settings: MonitorSettings, stores: Stores, start_flow: Callable[[str, dict[str, Any], str], str]) -> Watcher:
    """Wire the watch to its stores, channels and flows."""
    references = References(settings.artifacts, lambda *version: stores.registry.get(*version), lambda: stores.trusted_key)
    retrainer = Retrainer(stores.records, settings.limits, settings.monitoring.model_metrics, start_flow, references.trained_at)
    return Watcher(
        models=settings.models,
        records=stores.records,
        log=stores.predictions,
        references=references,
        settings=settings.monitoring,
        rules=settings.alerting.rules,
        responder=Responder(stores.records, open_channels(settings.alerting.channels), actions={}),
        retrainer=retrainer,
    )


class Monitor:
    """Watches from a thread of its own, so that a slow store or channel never stops the API."""

    def __init__(self, settings: MonitorSettings) -> None:
        from libs.common.stores.orchestrator import Orchestrator

        set_up_logs()
        self._settings = settings
        self._stores = connect(settings.addresses)
        self._watcher = build_watcher(settings, self._stores, Orchestrator(settings.orchestrator_url).start_flow)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watcher.run, args=(self._stop, utc_now), name="watch", daemon=True)
        self._thread.start()

    def __serve_build_asgi_app__(self) -> "FastAPI":
        """What Serve's ingress calls."""
        stale_after = max(3 * self._settings.monitoring.cycle, PATIENCE)
        return build_api(self._stores.records, lambda: self._watcher.status, utc_now, stale_after)

    def check_health(self) -> None:
        """Serve replaces the replica when the thread has died."""
        if not self._thread.is_alive():
            raise RuntimeError("the watch thread has died")

    def __del__(self) -> None:
        self._stop.set()


def utc_now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)
