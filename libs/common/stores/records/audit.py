"""The audit chain in the database: appended one by one across all processes, verified by streaming it."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json
from sqlalchemy import Connection, Row, insert, select, update

from libs.common.domain.audit import GENESIS, Actor, AuditEvent, AuditHead, Role, faults_at, faults_in, link
from libs.common.errors import StoreError
from libs.common.logs import get_logger
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import audit, audit_head

_PAGE = 500

logger = get_logger("stores.records")


class AuditTrail:
    """Every decision and change, in one chain.

    ``keep_head`` is called with the new head after each append, to note it outside the database: whoever cuts off the end
    of the chain and mends the head in here is found out by ``verify(head=…)``. An older note is as good as a late one.
    """

    def __init__(self, database: Database, keep_head: Callable[[AuditHead], None] | None = None) -> None:
        self._database = database
        self._keep_head = keep_head

    def append(self, actor: Actor, action: str, subject: str, details: Mapping[str, Any], at: datetime) -> AuditEvent:
        """Add one event at the end of the chain; StoreError when ``details`` cannot be written as JSON."""
        content = _as_json(details, action)
        with self._database.write() as connection:
            event = link(_last(connection), at, actor, action, subject, content)
            connection.execute(insert(audit).values(_row(event)))
            connection.execute(update(audit_head).values(seq=event.seq, digest=event.digest))
        self._note(AuditHead(seq=event.seq, digest=event.digest))
        return event

    def events(self, after_seq: int = 0) -> Iterator[AuditEvent]:
        """The events after ``after_seq`` in order, read page by page; StoreError naming a record that cannot be read."""
        while page := self._page(after_seq):
            for row in page:
                yield _event(row)
            after_seq = page[-1].seq

    def head(self) -> AuditHead:
        """The newest record, as the database itself notes it."""
        with self._database.read() as connection:
            return _head(connection)

    def verify(self, head: AuditHead | None = None) -> list[str]:
        """Every fault of the chain, naming the record; empty when it is whole and ends where it should.

        ``head`` is a note kept outside the database, of any age: the chain must still hold that record.
        """
        heads = [head] if head else []
        with self._database.read() as connection:
            own = _head(connection)
            rows = connection.execution_options(yield_per=_PAGE).execute(select(audit).order_by(audit.c.seq))
            chain = _Watched((_marked(row) for row in rows), {known.seq for known in (own, *heads)})
            faults = faults_in(chain)
        for known in (own, *heads):
            faults += [fault for fault in faults_at(known, chain.last, chain.noted.get(known.seq)) if fault not in faults]
        if chain.last and chain.last.seq > own.seq:
            faults.append(f"record {own.seq + 1} and later were added past the head ({own.seq})")
        return faults

    def _note(self, head: AuditHead) -> None:
        if self._keep_head is None:
            return
        try:
            self._keep_head(head)
        except Exception:
            # The event stands: failing here would make the caller append it again. The next note covers it too.
            logger.exception("audit record %d could not be noted outside the database", head.seq)

    def _page(self, after_seq: int) -> list[Row[Any]]:
        query = select(audit).where(audit.c.seq > after_seq).order_by(audit.c.seq).limit(_PAGE)
        with self._database.read() as connection:
            return list(connection.execute(query))


class _Watched:
    """Passes a chain through, remembering its last record and those with the given numbers."""

    def __init__(self, events: Iterable[AuditEvent], numbers: set[int]) -> None:
        self._events = events
        self._numbers = numbers
        self.last: AuditEvent | None = None
        self.noted: dict[int, AuditEvent] = {}

    def __iter__(self) -> Generator[AuditEvent]:
        for event in self._events:
            self.last = event
            if event.seq in self._numbers:
                self.noted[event.seq] = event
            yield event


def _head(connection: Connection) -> AuditHead:
    row = connection.execute(select(audit_head.c.seq, audit_head.c.digest)).one_or_none()
    return AuditHead(seq=row.seq, digest=row.digest) if row else AuditHead()


def _last(connection: Connection) -> AuditEvent | None:
    # Locking the head's row is what makes appends take turns on PostgreSQL; on SQLite the transaction itself does.
    head = connection.execute(select(audit_head.c.seq).with_for_update()).one_or_none()
    if head is None:
        raise StoreError("records: the table audit_head is empty", "the audit chain was tampered with: `triage audit verify`")
    row = connection.execute(select(audit).where(audit.c.seq == head.seq)).one_or_none()
    if row is None and head.seq > 0:
        raise StoreError(f"records: audit record {head.seq} is missing at the end", "run `triage audit verify`")
    return _event(row) if row else None


def _as_json(details: Mapping[str, Any], action: str) -> dict[str, Any]:
    try:
        return from_json(to_json(dict(details), inf_nan_mode="strings"))
    except (PydanticSerializationError, ValueError) as error:
        raise StoreError(
            f"audit details of {action} cannot be written as JSON: {error}", "pass text, numbers, lists"
        ) from error


def _canonical(details: Any) -> str:
    return json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": _time(event.at),
        "actor": event.actor.name,
        "role": event.actor.role.value,
        "action": event.action,
        "subject": event.subject,
        "details": _canonical(event.details),
        "previous": event.previous,
        "digest": event.digest,
    }


def _event(row: Row[Any]) -> AuditEvent:
    """The event of a row, which must be spelt exactly as ``append`` would; StoreError otherwise."""
    try:
        event = AuditEvent(
            seq=row.seq,
            at=datetime.fromisoformat(row.at),
            actor=Actor(name=row.actor, role=Role(row.role)),
            action=row.action,
            subject=row.subject,
            details=from_json(row.details, allow_inf_nan=False),
            previous=row.previous,
            digest=row.digest,
        )
        spelt_as_written = _time(event.at) == row.at and _canonical(event.details) == row.details
    except (TypeError, ValueError) as error:
        raise _changed(row.seq) from error
    if not spelt_as_written:
        raise _changed(row.seq)
    return event


def _changed(seq: int) -> StoreError:
    return StoreError(f"records: audit record {seq} was changed", "run `triage audit verify`, and compare with a backup")


def _marked(row: Row[Any]) -> AuditEvent:
    """The event of a row; for one that cannot be read, a stand-in with its links whose digest can't match."""
    try:
        return _event(row)
    except StoreError:
        return AuditEvent(
            seq=row.seq,
            at=datetime.min.replace(tzinfo=UTC),
            actor=Actor(name="", role=Role.SYSTEM),
            action="an event",
            subject="unreadable",
            details={"unreadable": True},
            previous=_printable(row.previous),
            digest=_printable(row.digest),
        )


def _printable(text: object) -> str:
    return text.encode(errors="replace").decode() if isinstance(text, str) else GENESIS
