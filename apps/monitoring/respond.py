"""What follows from an alert: it is recorded and audited, people are told, and the product acts where the rule says so."""

from collections.abc import Callable, Mapping, Sequence

from apps.monitoring.channels import OpenChannel
from apps.monitoring.messages import headline
from libs.common.domain.alert import Alert, AlertStatus
from libs.common.domain.audit import Actor, Role
from libs.common.logs import get_logger
from libs.common.stores.records import Records

logger = get_logger("monitoring.respond")

ACTOR = Actor(name="monitoring", role=Role.SYSTEM)
# Answered by the watch loop, which holds the measurements that the judgment needs.
RETRAIN = "trigger_model_retraining"


class Responder:
    """Tells people of alerts and takes the actions that rules name. A channel or action that fails stops no other."""

    def __init__(
        self, records: Records, channels: Sequence[OpenChannel], actions: Mapping[str, Callable[[Alert], None]]
    ) -> None:
        self.undelivered = 0
        self._records = records
        self._channels = channels
        self._actions = actions

    def respond(self, alert: Alert) -> None:
        """Record the alert, then tell every channel of its severity, then act. Only recording may raise."""
        self._records.alerts.add(alert)
        told = [channel for channel in self._channels if alert.severity in channel.severities]
        details = {**alert.model_dump(mode="json"), "channels": [channel.name for channel in told]}
        self._records.audit.append(ACTOR, f"alert_{alert.status}", alert.key, details, alert.at)
        logger.warning("%s", headline(alert))
        for channel in told:
            self._attempt(channel.name, channel.send, alert)
        if alert.status is AlertStatus.FIRING and alert.action and alert.action != RETRAIN:
            self._act(alert.action, alert)

    def _act(self, name: str, alert: Alert) -> None:
        action = self._actions.get(name)
        if action is None:
            logger.warning("%s asks for %s, which nothing here can do: a person must", alert.key, name)
            return
        self._attempt(name, action, alert)

    def _attempt(self, name: str, step: Callable[[Alert], None], alert: Alert) -> None:
        try:
            step(alert)
        except Exception:
            self.undelivered += 1
            logger.exception("%s: %s failed", alert.key, name)
