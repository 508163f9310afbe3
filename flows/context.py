"""What every flow works with: configuration, stores and clock. A flow process is a front door, so it reads the config."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from apps.training.pipeline import Workplace
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Actor, Role


@dataclass(frozen=True)
class FlowContext:
    """The merged configuration, the stores it names, and the time."""

    config: Config
    home: Home
    stores: Stores

    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(UTC)

    def audit(self, flow: str, action: str, subject: str, details: dict[str, Any]) -> None:
        """Append one event in the name of a flow."""
        self.stores.records.audit.append(_actor(flow), action, subject, details, self.now())

    def workplace(self, flow: str) -> Workplace:
        """Where a training stage runs in the name of a flow."""
        return Workplace(self.stores, _actor(flow), self.now(), self.home.trainings)


def _actor(flow: str) -> Actor:
    return Actor(name=f"flow:{flow}", role=Role.SYSTEM)


@lru_cache(maxsize=1)
def open_context() -> FlowContext:
    """The context of this process; ConfigError where the configuration is faulty."""
    config, home = load_config(), Home.find()
    return FlowContext(config=config, home=home, stores=connect(config.addresses(home)))
