"""What the alert rules remember between windows, and the alerts they gave."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from libs.common.domain.alert import Alert, AlertState
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import alert_states, alerts
from libs.common.stores.records.values import read_value


class AlertStore:
    """One row a rule and model for the state; one an alert."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, rule: str, model: str) -> AlertState:
        """What is remembered of a rule; a calm state at first."""
        query = select(alert_states.c.value).where(alert_states.c.rule == rule, alert_states.c.model == model)
        with self._database.read() as connection:
            text = connection.scalars(query).one_or_none()
        return AlertState(rule=rule, model=model) if text is None else read_value(AlertState, text, f"state of alert {rule}")

    def save_state(self, state: AlertState) -> None:
        """Remember the state in place of the last one."""
        row = {"rule": state.rule, "model": state.model, "value": state.model_dump_json()}
        with self._database.write() as connection:
            self._database.upsert(connection, alert_states, row)

    def add(self, alert: Alert) -> None:
        """Keep one alert."""
        row = {"model": alert.model, "at": alert.at, "value": alert.model_dump_json()}
        with self._database.write() as connection:
            connection.execute(insert(alerts).values(row))

    def list(self, model: str, since: datetime) -> Sequence[Alert]:
        """The alerts of a model at ``since`` or later, oldest first."""
        query = select(alerts.c.value).where(alerts.c.model == model, alerts.c.at >= since).order_by(alerts.c.at, alerts.c.id)
        with self._database.read() as connection:
            return [read_value(Alert, text, f"an alert of {model}") for text in connection.scalars(query)]
