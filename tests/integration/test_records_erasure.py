"""Feedback that is put in the place of other feedback, and what is left of the old in the bytes of the database."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from libs.common.domain.triage import Email, Feedback
from libs.common.errors import StoreError
from libs.common.stores.records import Records, database, migrate, open_records
from libs.common.stores.records.database import Database

AT = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "seven silver keys"
REPORT = Feedback("r1", "email_classifier", "spam", "ada", AT, Email("1@x", "ada@x.org", "keys", SECRET * 400))


def test_reports_are_replaced_all_at_once(records: Records) -> None:
    other = replace(REPORT, request_id="r2", email=None)
    for report in (REPORT, other):
        records.feedback.add(report)
    records.feedback.replace([(REPORT, replace(REPORT, email=None)), (other, replace(other, reporter="[erased]"))])
    left = {report.request_id: report for report in records.feedback.every()}
    assert left == {"r1": replace(REPORT, email=None), "r2": replace(other, reporter="[erased]")}


def test_two_reporters_who_become_one_keep_the_first_word(records: Records) -> None:
    reports = [replace(REPORT, reporter=reporter, label=label, email=None) for reporter, label in (("a", "spam"), ("b", "ham"))]
    for report in reports:
        records.feedback.add(report)
    records.feedback.replace([(report, replace(report, reporter="[erased]")) for report in reports])
    assert list(records.feedback.every()) == [replace(reports[0], reporter="[erased]")]


def test_reports_on_every_model_are_read(records: Records) -> None:
    for number in range(3):
        records.feedback.add(replace(REPORT, request_id=f"r{number}", model=f"m{number}"))
    assert {report.model for report in records.feedback.every()} == {"m0", "m1", "m2"}


def test_what_was_replaced_is_in_no_byte_of_the_file(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/records.db")
    records = open_records(f"sqlite:///{tmp_path}/records.db")
    for number in range(20):
        records.feedback.add(replace(REPORT, request_id=f"r{number}"))
    records.feedback.replace([(report, replace(report, email=None)) for report in list(records.feedback.every())])
    assert read_by_bytes(tmp_path)
    records.feedback.scrub()
    assert not read_by_bytes(tmp_path)
    assert records.feedback.count_since("email_classifier", AT) == 20
    records.close()


def test_a_reader_of_an_older_state_is_named_instead_of_passing_for_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    migrate(f"sqlite:///{tmp_path}/records.db")
    one, other = Database(f"sqlite:///{tmp_path}/records.db"), Database(f"sqlite:///{tmp_path}/records.db")
    with other.read() as connection:
        connection.execute(text("SELECT * FROM feedback")).all()
        with pytest.raises(StoreError, match="in use"):
            one.scrub()
    one.scrub()
    for opened in (one, other):
        opened.close()


def read_by_bytes(folder: Path) -> bool:
    return any(SECRET.encode() in path.read_bytes() for path in folder.iterdir())
