"""What was found of model versions outside the metrics: reviews, scans, tests. Only ever added to."""

from datetime import datetime

from sqlalchemy import insert, select

from libs.common.domain.promotion import Evidence
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import evidence
from libs.common.stores.records.values import read_value


class EvidenceStore:
    """One row a finding; the newest of a name counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, model: str, version: str, name: str, passed: bool, detail: str, by: str, at: datetime) -> Evidence:
        """Add one finding."""
        found = Evidence(model=model, version=version, name=name, passed=passed, detail=detail, by=by, at=at)
        row = {"model": model, "version": version, "name": name, "at": at, "value": found.model_dump_json()}
        with self._database.write() as connection:
            connection.execute(insert(evidence).values(row))
        return found

    def latest(self, model: str, version: str, name: str) -> Evidence | None:
        """The newest finding of that name, None where nobody looked yet."""
        columns = evidence.c
        query = (
            select(columns.value)
            .where(columns.model == model, columns.version == version, columns.name == name)
            .order_by(columns.at.desc(), columns.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            text = connection.scalars(query).one_or_none()
        return None if text is None else read_value(Evidence, text, f"evidence {name} of {model}/{version}")
