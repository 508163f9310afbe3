"""The connection to the records database: SQLite by default, PostgreSQL by URL.

Nothing is opened before the first query. One Database serves any number of threads; each process opens its own.
"""

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, QueuePool, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from libs.common.errors import StoreError

_BUSY_S = 30  # how long a writer waits for the one before it
_CONNECT_S = 5  # a replica keeps its last traffic state meanwhile, so a dead server must be noticed soon
_WRITES = "triage_writes"
_BARE = "triage_bare"  # no transaction: SQLite's VACUUM takes none around it


class Database:
    """Reads see one snapshot and never wait for a writer; writes that read first are serialised on SQLite.

    Every failure of the database is a StoreError that names it, without its password.
    """

    def __init__(self, url: str, create: bool = False) -> None:
        parsed = parse_url(url)
        self.name = parsed.render_as_string(hide_password=True)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(parsed, create) if self.is_sqlite else _postgresql_engine(parsed)
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reads = self._engine.execution_options(**snapshot)
        self._writes = self._engine.execution_options(**{_WRITES: True}, preserve_rowcount=True)

    @contextmanager
    def read(self) -> Generator[Connection]:
        """A read-only transaction: every query inside sees the same moment."""
        with self._failures("read"), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """A transaction that writes: committed at the end of the block, rolled back on any exception."""
        with self._failures("written"), self._writes.begin() as connection:
            yield connection

    def upsert(self, connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
        """Insert ``row``, or replace the row with the same primary key."""
        keys = [column.name for column in table.primary_key]
        rest = {name: value for name, value in row.items() if name not in keys}
        connection.execute(self._insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=rest))

    def add_once(self, connection: Connection, table: Table, row: Mapping[str, Any], keys: Sequence[str] = ()) -> bool:
        """Insert ``row`` unless its primary key (or the unique ``keys``) is there already; whether it was inserted."""
        unique = list(keys) or [column.name for column in table.primary_key]
        statement = self._insert(table).values(row).on_conflict_do_nothing(index_elements=unique)
        return connection.execute(statement).rowcount == 1

    def scrub(self) -> None:
        """Leave nothing deleted in the bytes of a SQLite file; StoreError while somebody reads an older state of it.

        SQLite only marks what is deleted as free; VACUUM writes the file anew, and the checkpoint empties its log. On
        PostgreSQL nothing is done: VACUUM, and the age of its log and backups, are its operator's to decide.
        """
        if not self.is_sqlite:
            return
        with self._failures("scrubbed"), self._engine.execution_options(**{_BARE: True}).connect() as connection:
            connection.exec_driver_sql("VACUUM")
            (busy, *_) = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise StoreError(f"records {self.name}: the write-ahead log is in use and could not be emptied", "run it again")

    def close(self) -> None:
        """Close every pooled connection; the next query opens a new one."""
        self._engine.dispose()

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    @contextmanager
    def _failures(self, verb: str) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            found = str(getattr(error, "orig", None) or error).strip()
            raise StoreError(f"records {self.name} cannot be {verb}: {found}", _hint(found)) from error


def parse_url(url: str) -> URL:
    """The URL of a SQLite file or a PostgreSQL database; StoreError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"'{url}' is no records URL", _EXAMPLE) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"'{parsed.render_as_string(hide_password=True)}' is no records URL", _EXAMPLE)


_EXAMPLE = "write e.g. sqlite:////var/lib/triage/records.db or postgresql+psycopg://user:password@host/triage"


def _hint(found: str) -> str:
    if any(sign in found for sign in ("no such table", "no such column", "does not exist", "unable to open")):
        return "the schema is missing or old: run `triage up`, which migrates it"
    return "see that the database runs, is reachable and has room; nothing was half-written"


def _sqlite_engine(url: URL, create: bool) -> Engine:
    # mode=rw: a mistyped path must be an error, not a new empty database; only a migration creates one.
    location = f"{Path(str(url.database)).absolute().as_uri()}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            location, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        # A damaged byte must reach the checks that name its record instead of failing inside the driver.
        connection.text_factory = _text
        connection.execute("PRAGMA foreign_keys=ON")
        if create:
            connection.execute("PRAGMA journal_mode=WAL")  # kept in the file: readers never wait for a writer
        return connection

    engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_size=5, max_overflow=20)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the first read: two writers cannot read the same state and then both write.
    options = connection.get_execution_options()
    if not options.get(_BARE, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES, False) else "BEGIN")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_size=5,
        max_overflow=20,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_S, "options": f"-c lock_timeout={_BUSY_S}s"},
    )
