"""The schema, its migrations, and the database under competition, damage and absence."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from libs.common.domain.audit import Actor, AuditHead, Role
from libs.common.domain.traffic import Traffic
from libs.common.errors import StoreError
from libs.common.stores.records import Records, migrate, open_records
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import metadata, traffic

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_migrations_make_exactly_the_schema(records_url: str) -> None:
    engine = create_engine(records_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    engine.dispose()
    assert differences == []


def test_migrating_again_keeps_what_is_there(records: Records, records_url: str) -> None:
    saved = records.traffic.save(Traffic(model="m"))
    migrate(records_url)
    assert records.traffic.get("m") == saved
    assert records.audit.head() == AuditHead()


def test_several_processes_may_migrate_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/records.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=migrate, args=(url,)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 6
    assert open_records(url).audit.verify() == []


def test_a_reader_does_not_wait_for_a_writer_and_sees_nothing_unfinished(records: Records, records_url: str) -> None:
    before = records.traffic.save(Traffic(model="m"))
    other = Database(records_url)
    with other.write() as connection:
        connection.execute(traffic.update().values(revision=99))
        done = threading.Event()
        seen: list[Traffic] = []
        reader = threading.Thread(target=lambda: (seen.append(records.traffic.get("m")), done.set()))
        reader.start()
        assert done.wait(10), "the reader waited for the writer"
    reader.join()
    other.close()
    assert seen == [before]
    assert records.traffic.get("m").revision == 99


def test_a_failed_block_leaves_nothing_behind(records: Records, records_url: str) -> None:
    database = Database(records_url)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(traffic.insert().values(model="m", revision=1, value="{}"))
        raise ZeroDivisionError
    database.close()
    assert records.traffic.get("m").revision == 0


def test_one_store_serves_many_threads(records: Records) -> None:
    def work(number: int) -> int:
        records.audit.append(Actor(name="t", role=Role.SYSTEM), "test", str(number), {}, AT)
        return records.traffic.get("m").revision

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(work, range(64))) == [0] * 64
    assert records.audit.verify() == []
    assert records.audit.head().seq == 64


def test_a_store_can_be_used_again_after_closing(records: Records) -> None:
    records.traffic.save(Traffic(model="m"))
    records.close()
    assert records.traffic.get("m").revision == 1


def test_a_damaged_value_is_an_error_that_names_its_row(records: Records, records_url: str) -> None:
    records.traffic.save(Traffic(model="m"))
    engine = create_engine(records_url)
    with engine.begin() as connection:
        connection.execute(text("""UPDATE traffic SET value = '{"model": 7}'"""))
    engine.dispose()
    with pytest.raises(StoreError, match="traffic of m cannot be read as a Traffic: model: Input should be a valid string"):
        records.traffic.get("m")


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/records", "sqlite://", "sqlite:///:memory:"])
def test_a_wrong_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(StoreError, match="is no records URL"):
        open_records(url)


def test_a_missing_file_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    with pytest.raises(StoreError, match="unable to open") as caught:
        open_records(f"sqlite:///{path}").traffic.get("m")
    assert "triage up" in caught.value.hint
    assert not path.exists()


def test_an_unmigrated_database_says_what_to_run(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="no such table") as caught:
        open_records(f"sqlite:///{path}").traffic.get("m")
    assert "triage up" in caught.value.hint


def test_a_server_that_is_away_is_an_error_without_the_password() -> None:
    records = open_records("postgresql://ada:secret@127.0.0.1:1/records")
    with pytest.raises(StoreError, match="cannot be read") as caught:
        records.traffic.get("m")
    assert "secret" not in str(caught.value)
