"""The right labels that people report, one a request and reporter."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, distinct, func, select

from libs.common.domain.triage import Feedback
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import feedback
from libs.common.stores.records.values import unreadable

_PAGE = 500


class FeedbackStore:
    """One row a report; the e-mail is in it only where the reporter handed it over for training."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, report: Feedback) -> bool:
        """Keep one report; False when this reporter already spoke of this request."""
        with self._database.write() as connection:
            return self._database.add_once(connection, feedback, _row(report))

    def between(self, model: str, start: datetime, end: datetime) -> list[Feedback]:
        """The reports with ``start`` ≤ at < ``end``, oldest first."""
        columns = feedback.c
        query = (
            select(columns.request_id, columns.value)
            .where(columns.model == model, columns.at >= start, columns.at < end)
            .order_by(columns.at, columns.request_id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_read(row.value, f"feedback on {row.request_id}") for row in rows]

    def handed_over(self) -> list[Feedback]:
        """The reports on every model that carry their e-mail, oldest first."""
        columns = feedback.c
        query = select(columns.request_id, columns.value).order_by(columns.at, columns.request_id, columns.reporter)
        with self._database.read() as connection:
            reports = [_read(row.value, f"feedback on {row.request_id}") for row in connection.execute(query)]
        return [report for report in reports if report.email]

    def every(self) -> Iterator[Feedback]:
        """Every report on every model, in no order that means anything, read as it is asked for."""
        query = select(feedback.c.request_id, feedback.c.value).execution_options(yield_per=_PAGE)
        with self._database.read() as connection:
            for row in connection.execute(query):
                yield _read(row.value, f"feedback on {row.request_id}")

    def replace(self, changes: Iterable[tuple[Feedback, Feedback]]) -> None:
        """Put new reports in the place of old ones, all or none; where the new reporter has spoken already, that stands."""
        with self._database.write() as connection:
            for old, new in changes:
                key = (feedback.c.request_id == old.request_id, feedback.c.reporter == old.reporter)
                connection.execute(delete(feedback).where(*key))
                self._database.add_once(connection, feedback, _row(new))

    def scrub(self) -> None:
        """Leave nothing of replaced reports in the bytes of a SQLite file; on PostgreSQL that is the server's VACUUM."""
        self._database.scrub()

    def count_since(self, model: str, at: datetime) -> int:
        """How many requests got a label at that time or later; two reporters of one request count once."""
        query = select(func.count(distinct(feedback.c.request_id))).where(feedback.c.model == model, feedback.c.at >= at)
        with self._database.read() as connection:
            return connection.scalars(query).one()


@cache
def _adapter() -> TypeAdapter[Feedback]:
    return TypeAdapter(Feedback)


def _row(report: Feedback) -> dict[str, Any]:
    return {
        "request_id": report.request_id,
        "reporter": report.reporter,
        "model": report.model,
        "at": report.at,
        "value": _write(report),
    }


def _write(report: Feedback) -> str:
    plain = _adapter().dump_python(report, mode="json")
    # Bytes of hostile mail that no charset explains are lone surrogates, which no database and no JSON reader takes.
    return json.dumps(plain, ensure_ascii=False).encode(errors="replace").decode()


def _read(text: str, where: str) -> Feedback:
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        raise unreadable("Feedback", where, error) from error
