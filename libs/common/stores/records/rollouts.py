"""Releases, as kept between ticks: whoever runs the flow next goes on from here."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update

from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.errors import StoreError
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import rollouts
from libs.common.stores.records.values import read_value

_FINAL = [phase.value for phase in RolloutPhase if phase.final]


class RolloutStore:
    """One row a rollout. A final one never changes again, so a late tick cannot undo a roll-back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, rollout: Rollout) -> Rollout:
        """Add or replace; StoreError when the kept one is final and this one differs from it."""
        row = {
            "id": rollout.id,
            "model": rollout.model,
            "phase": rollout.phase.value,
            "started_at": rollout.started_at,
            "value": rollout.model_dump_json(),
        }
        changeable = (rollouts.c.id == rollout.id) & rollouts.c.phase.not_in(_FINAL)
        with self._database.write() as connection:
            if self._database.add_once(connection, rollouts, row):
                return rollout
            if connection.execute(update(rollouts).where(changeable).values(row)).rowcount:
                return rollout
        if (kept := self.get(rollout.id)) != rollout:
            raise StoreError(
                f"rollout {rollout.id} is {kept.phase} already and cannot be {rollout.phase}", "start a new rollout"
            )
        return rollout

    def get(self, id: str) -> Rollout:
        """The rollout of that id; StoreError when there is none."""
        if found := self._select(rollouts.c.id == id):
            return found[0]
        raise StoreError(f"there is no rollout {id}", "`triage rollouts MODEL` lists the ids")

    def unfinished(self) -> list[Rollout]:
        """Every rollout of any model that is not final, oldest first."""
        return self._select(rollouts.c.phase.not_in(_FINAL))

    def list(self, model: str) -> Sequence[Rollout]:
        """Every rollout of a model, oldest first."""
        return self._select(rollouts.c.model == model)

    def _select(self, condition: ColumnElement[bool]) -> "list[Rollout]":
        query = select(rollouts.c.id, rollouts.c.value).where(condition).order_by(rollouts.c.started_at, rollouts.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [read_value(Rollout, row.value, f"rollout {row.id}") for row in rows]
