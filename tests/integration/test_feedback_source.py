"""Feedback by the address of a records database: the same rows as with the build's own, and nothing is written there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from apps.training.reading.feedback import feedback_source
from apps.training.reading.ingest import open_source
from apps.training.reading.sources import Source
from libs.common.domain.triage import Email, Feedback, LabelledEmail
from libs.common.errors import DataError
from libs.common.stores.records import Records

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reported(request_id: str, label: str, minute: int, body: str | None, model: str = "email_classifier") -> Feedback:
    email = Email(f"<{request_id}@x>", "ada@x", "Grüße", body, sent_at=AT) if body else None
    return Feedback(request_id, model, label, f"reporter-{minute}", AT + timedelta(minutes=minute), email)


REPORTS = (
    reported("r1", "billing", 1, "the first word"),
    reported("r1", "spam", 2, "the last word"),
    reported("r2", "spam", 3, None),
    reported("r3", "hr", 4, "of another model", "other_model"),
)


@pytest.fixture
def filled(records: Records) -> Records:
    for report in REPORTS:
        records.feedback.add(report)
    return records


@pytest.fixture
def written(records_url: str) -> str:
    """The address as people write it, which names no driver."""
    return records_url.replace("postgresql+psycopg://", "postgres://").replace("postgres://postgres:@", "postgres://postgres@")


def opened(uri: str, tmp_path: Path) -> Source:
    return open_source(uri, None, tmp_path / "landing")


def rows(source: Source) -> Iterator[LabelledEmail]:
    return (mail for stretch in source.stretches for mail in stretch.read() if isinstance(mail, LabelledEmail))


def test_the_rows_are_those_that_the_builds_own_feedback_gives(filled: Records, written: str, tmp_path: Path) -> None:
    own = feedback_source(filled.feedback.handed_over())
    for uri in (written, written.replace("postgres://", "postgresql://")):
        source = opened(uri, tmp_path)
        assert (source.uri, source.digest) == (uri, own.digest)
        assert list(rows(source)) == list(rows(own))
    assert [(mail.label, mail.email.body, mail.source) for mail in rows(own)] == [
        ("spam", "the last word", "feedback:r1"),
        ("hr", "of another model", "feedback:r3"),
    ]


@pytest.mark.usefixtures("records")
def test_a_database_without_feedback_is_a_source_without_rows(written: str, tmp_path: Path) -> None:
    assert opened(written, tmp_path).stretches == ()


def test_a_database_without_our_schema_is_one_error_and_stays_as_it_is(postgresql_url: str, tmp_path: Path) -> None:
    foreign = make_url(postgresql_url).set(drivername="postgres", password=None).render_as_string(hide_password=False)
    (tmp_path / "empty.db").touch()
    for uri in (foreign, f"sqlite:///{tmp_path}/empty.db"):
        with pytest.raises(DataError, match="feedback") as caught:
            opened(uri, tmp_path)
        assert "name the records database" in caught.value.hint
    assert (tmp_path / "empty.db").stat().st_size == 0
    engine = create_engine(postgresql_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_database_that_is_away_is_one_error_and_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "noise.db").write_bytes(b"noise" * 1000)
    for uri, said in (
        (f"sqlite:///{tmp_path}/absent.db", "unable to open"),
        (f"sqlite:///{tmp_path}/noise.db", "not a database"),
        ("postgres://ada@127.0.0.1:9/triage", "127.0.0.1"),
        ("sqlite://", "no records URL"),
        ("postgres+odbc:", "no records URL"),
    ):
        with pytest.raises(DataError, match=said):
            opened(uri, tmp_path)
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize("uri", ["postgres://ada:hush@db/triage", "postgresql://db/triage?user=ada&password=hush"])
def test_a_password_is_refused_before_it_can_reach_the_lineage(uri: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds a password") as caught:
        opened(uri, tmp_path)
    assert "hush" not in str(caught.value)
    assert "PGPASSWORD" in caught.value.hint


def test_reading_changes_nothing_in_the_database(filled: Records, records_url: str, written: str, tmp_path: Path) -> None:
    def content() -> list[tuple[object, ...]]:
        engine = create_engine(records_url)
        with engine.connect() as connection:
            names = inspect(connection).get_table_names()
            found = [tuple(row) for name in sorted(names) for row in connection.execute(text(f"SELECT * FROM {name}"))]
        engine.dispose()
        return [tuple(sorted(names)), *found]

    before = content()
    opened(written, tmp_path)
    assert content() == before
    filled.close()
