"""The batches that were ordered, and how far each is."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update

from libs.common.domain.batch import Batch
from libs.common.errors import StoreError
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import batches
from libs.common.stores.records.values import read_value


class BatchStore:
    """One row a batch; an owner's ``key`` names one batch only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, batch: Batch, key: str = "") -> Batch:
        """Keep a new batch; where its owner used ``key`` before, the answer is the batch that it stands for."""
        row = {"id": batch.id, "key": key or batch.id, "created_at": batch.created_at, **_columns(batch)}
        with self._database.write() as connection:
            if self._database.add_once(connection, batches, row, keys=("owner", "key")):
                return batch
        return self.find(batch.owner, key) or batch

    def find(self, owner: str, key: str) -> Batch | None:
        """The batch that ``key`` stands for; None where its owner has not used it."""
        query = select(batches.c.value).where((batches.c.owner == owner) & (batches.c.key == key))
        with self._database.read() as connection:
            text = connection.scalars(query).one_or_none()
        return None if text is None else read_value(Batch, text, f"batch of {owner}")

    def get(self, id: str) -> Batch | None:
        """One batch; None where there is none."""
        with self._database.read() as connection:
            text = connection.scalars(select(batches.c.value).where(batches.c.id == id)).one_or_none()
        return None if text is None else read_value(Batch, text, f"batch {id}")

    def list(self, owner: str, limit: int) -> Sequence[Batch]:
        """The newest batches of an owner, newest first."""
        query = select(batches.c.value).where(batches.c.owner == owner).order_by(batches.c.created_at.desc()).limit(limit)
        with self._database.read() as connection:
            return [read_value(Batch, text, f"batch of {owner}") for text in connection.scalars(query).all()]

    def open(self) -> "list[Batch]":
        """Every batch that has not ended, whoever owns it."""
        query = select(batches.c.value).where(batches.c.ended_at.is_(None)).order_by(batches.c.created_at)
        with self._database.read() as connection:
            return [read_value(Batch, text, "an open batch") for text in connection.scalars(query).all()]

    def ended_before(self, moment: datetime) -> "list[Batch]":
        """The batches that ended before then."""
        query = select(batches.c.value).where(batches.c.ended_at < moment).order_by(batches.c.ended_at)
        with self._database.read() as connection:
            return [read_value(Batch, text, "an ended batch") for text in connection.scalars(query).all()]

    def change(self, id: str, edit: Callable[[Batch], Batch]) -> Batch:
        """Save what ``edit`` makes of the row; nobody else changes it meanwhile. StoreError where there is none."""
        with self._database.write() as connection:
            text = connection.scalars(select(batches.c.value).where(batches.c.id == id).with_for_update()).one_or_none()
            if text is None:
                raise StoreError(f"there is no batch {id}", "GET /v1/batch lists them")
            found = read_value(Batch, text, f"batch {id}")
            wanted = edit(found)
            if wanted != found:
                connection.execute(update(batches).where(batches.c.id == id).values(_columns(wanted)))
        return wanted

    def delete(self, id: str) -> None:
        """Forget a batch."""
        with self._database.write() as connection:
            connection.execute(delete(batches).where(batches.c.id == id))


def _columns(batch: Batch) -> dict[str, object]:
    return {"owner": batch.owner, "ended_at": batch.ended_at, "value": batch.model_dump_json()}
