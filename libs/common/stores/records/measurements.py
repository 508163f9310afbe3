"""What was measured, window by window."""

from datetime import datetime

from sqlalchemy import delete, insert, select

from libs.common.domain.measurement import Measurement
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import measurements
from libs.common.stores.records.values import read_value


class MeasurementStore:
    """One row a metric and window."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, measurement: Measurement) -> None:
        """Keep one measurement."""
        row = {
            "model": measurement.model,
            "metric": measurement.metric,
            "end": measurement.end,
            "value": measurement.model_dump_json(),
        }
        with self._database.write() as connection:
            connection.execute(insert(measurements).values(row))

    def between(self, model: str, start: datetime, end: datetime, metric: str | None = None) -> list[Measurement]:
        """The measurements whose window ends after ``start`` and not after ``end``, oldest first; of one metric, if named."""
        columns = measurements.c
        query = (
            select(columns.value)
            .where(columns.model == model, columns.end > start, columns.end <= end)
            .order_by(columns.end, columns.id)
        )
        with self._database.read() as connection:
            found = connection.scalars(query if metric is None else query.where(columns.metric == metric)).all()
        return [read_value(Measurement, text, f"a measurement of {model}") for text in found]

    def delete_before(self, moment: datetime) -> int:
        """Delete every measurement whose window ended before ``moment``; the answer is how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(measurements).where(measurements.c.end < moment)).rowcount
