"""The retrainings that were started."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from libs.common.domain.retraining import Retraining
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import retrainings
from libs.common.stores.records.values import read_value


class RetrainingStore:
    """One row a start."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, model: str, at: datetime, reasons: Sequence[str], flow_run_id: str) -> Retraining:
        """Keep that a retraining was started."""
        started = Retraining(model=model, at=at, reasons=tuple(reasons), flow_run_id=flow_run_id)
        with self._database.write() as connection:
            connection.execute(insert(retrainings).values(model=model, at=at, value=started.model_dump_json()))
        return started

    def latest(self, model: str) -> Retraining | None:
        """The newest retraining of a model, None where there was none."""
        columns = retrainings.c
        query = select(columns.value).where(columns.model == model).order_by(columns.at.desc(), columns.id.desc()).limit(1)
        with self._database.read() as connection:
            text = connection.scalars(query).one_or_none()
        return None if text is None else read_value(Retraining, text, f"the last retraining of {model}")
