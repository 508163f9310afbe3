"""The history of the schema (Alembic), applied from Python: ``migrate(url)`` brings any database to the newest version."""

from pathlib import Path

from sqlalchemy import Connection, make_url, text

from libs.common.stores.records.database import Database

_LOCK = 7_254_189_321  # any number, the same in every process that migrates this schema


def migrate(url: str) -> None:
    """Create the records database where it is missing and apply every migration it lacks, in one transaction.

    Any number of processes may call it at once; StoreError when the database cannot be reached or written.
    """
    database = Database(url, create=True)
    try:
        if database.is_sqlite:
            Path(str(make_url(url).database)).parent.mkdir(parents=True, exist_ok=True)
        with database.write() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _upgrade(connection)
    finally:
        database.close()


def _upgrade(connection: Connection) -> None:
    # Whoever only reads or writes records is spared the import.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
