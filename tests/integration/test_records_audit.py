"""The audit chain in a real database: appended by many, changed by nobody unseen."""

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from libs.common.domain.audit import Actor, AuditEvent, AuditHead, Role
from libs.common.errors import StoreError
from libs.common.stores.records import Records, migrate, open_records

AT = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
ADA = Actor(name="ada", role=Role.APPROVER)
WRITERS, EVENTS_EACH = 4, 50


def append_many(url: str, writer: int) -> None:
    """What each writing process runs."""
    records = open_records(url)
    for number in range(EVENTS_EACH):
        actor = Actor(name=f"writer-{writer}", role=Role.SYSTEM)
        records.audit.append(actor, "test.append", f"event-{number}", {"writer": writer, "number": number}, datetime.now(UTC))
    records.close()


def append_five(records: Records) -> list[AuditEvent]:
    return [
        records.audit.append(ADA, "model.promoted", f"email_classifier/{n}", {"accuracy": 0.95, "note": "zwölf €"}, AT)
        for n in range(5)
    ]


@pytest.fixture
def tampering(records_url: str) -> Iterator[Connection]:
    """A connection past the store, as an intruder has it."""
    engine = create_engine(records_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def tamper(connection: Connection, statement: str) -> None:
    assert connection.execute(text(statement)).rowcount >= 1
    connection.commit()


def test_a_chain_written_by_several_processes_at_once_is_whole(records: Records, records_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(records_url, writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(120)
    assert [process.exitcode for process in writers] == [0] * WRITERS
    assert records.audit.verify() == []
    events = list(records.audit.events())
    assert [event.seq for event in events] == list(range(1, WRITERS * EVENTS_EACH + 1))
    for writer in range(WRITERS):
        own = [event.details["number"] for event in events if event.details["writer"] == writer]
        assert own == list(range(EVENTS_EACH))


def test_an_event_comes_back_as_it_was_appended(records: Records) -> None:
    appended = append_five(records)
    assert list(records.audit.events()) == appended
    assert list(records.audit.events(after_seq=3)) == appended[3:]
    assert records.audit.head() == AuditHead(seq=5, digest=appended[-1].digest)


def test_details_may_hold_times_values_and_odd_numbers(records: Records) -> None:
    details = {"at": AT, "actor": ADA, "share": 1e16, "worst": float("inf"), "tuple": (1, 2), "quote": 'a"b\\\n\x01é'}
    event = records.audit.append(ADA, "test", "odd", details, AT)
    assert event.details["at"] == "2026-03-01T12:30:00.123456Z"
    assert event.details["worst"] == "Infinity"
    assert list(records.audit.events()) == [event]
    assert records.audit.verify() == []


@pytest.mark.parametrize("bad", [object(), "\ud800"])
def test_details_that_are_no_json_are_refused_and_leave_nothing(records: Records, bad: object) -> None:
    with pytest.raises(StoreError, match=r"audit details of test cannot be written as JSON"):
        records.audit.append(ADA, "test", "odd", {"bad": bad}, AT)
    assert records.audit.head() == AuditHead()


@pytest.mark.parametrize(
    ("column", "changed"),
    [
        ("at", "'2026-03-01T12:30:00.123457+00:00'"),
        ("at", "'not a time'"),
        ("actor", "'eve'"),
        ("role", "'system'"),
        ("role", "'root'"),
        ("action", "'model.rolled_back'"),
        ("subject", "'email_classifier/9'"),
        ("details", "replace(details, '0.95', '0.94')"),
        ("details", "replace(details, '0.95', '0.950')"),
        ("details", "replace(details, ':', ': ')"),
        ("details", "'{'"),
        ("digest", f"'{'f' * 64}'"),
        ("previous", f"'{'f' * 64}'"),
    ],
)
def test_any_change_of_a_record_is_found_and_the_record_named(
    records: Records, tampering: Connection, column: str, changed: str
) -> None:
    append_five(records)
    tamper(tampering, f"UPDATE audit SET {column} = {changed} WHERE seq = 3")
    faults = records.audit.verify()
    assert any(fault.startswith("record 3 ") for fault in faults)
    named = {fault.split(" ")[1] for fault in faults}
    assert named <= {"3", "4"} if column == "digest" else named == {"3"}


def test_one_flipped_bit_anywhere_in_the_details_is_found(records: Records, tampering: Connection) -> None:
    append_five(records)
    written = tampering.execute(text("SELECT details FROM audit WHERE seq = 3")).scalar_one()
    for place in range(len(written)):
        for bit in (0x01, 0x20):
            flipped = written[:place] + chr(ord(written[place]) ^ bit) + written[place + 1 :]
            if "\x00" in flipped:  # PostgreSQL keeps no such text
                continue
            tampering.execute(text("UPDATE audit SET details = :details WHERE seq = 3"), {"details": flipped})
            tampering.commit()
            assert [fault[:9] for fault in records.audit.verify()] == ["record 3 "], flipped
    tampering.execute(text("UPDATE audit SET details = :details WHERE seq = 3"), {"details": written})
    tampering.commit()
    assert records.audit.verify() == []


def test_an_event_that_was_changed_is_not_handed_out(records: Records, tampering: Connection) -> None:
    append_five(records)
    tamper(tampering, "UPDATE audit SET details = '{' WHERE seq = 3")
    with pytest.raises(StoreError, match="audit record 3 was changed"):
        list(records.audit.events())


def test_a_deleted_record_is_named(records: Records, tampering: Connection) -> None:
    append_five(records)
    tamper(tampering, "DELETE FROM audit WHERE seq = 2")
    assert "record 2 is missing: 3 follows 1" in records.audit.verify()


def test_swapped_records_are_named(records: Records, tampering: Connection) -> None:
    append_five(records)
    for old, new in ((2, -1), (3, 2), (-1, 3)):
        tamper(tampering, f"UPDATE audit SET seq = {new} WHERE seq = {old}")
    named = {fault.split(" ")[1] for fault in records.audit.verify()}
    assert {"2", "3"} <= named


def test_a_cut_off_tail_is_named(records: Records, tampering: Connection) -> None:
    append_five(records)
    tamper(tampering, "DELETE FROM audit WHERE seq > 3")
    assert records.audit.verify() == ["records 4..5 are missing at the end"]
    with pytest.raises(StoreError, match="audit record 5 is missing at the end"):
        records.audit.append(ADA, "test", "after", {}, AT)


def test_a_tail_cut_off_with_its_head_mended_is_found_by_a_note_kept_outside(records_url: str, tampering: Connection) -> None:
    outside: list[AuditHead] = []
    records = open_records(records_url, keep_head=outside.append)
    events = append_five(records)
    tamper(tampering, "DELETE FROM audit WHERE seq > 3")
    tamper(tampering, f"UPDATE audit_head SET seq = 3, digest = '{events[2].digest}'")
    assert records.audit.verify() == []
    assert records.audit.verify(head=outside[-1]) == ["records 4..5 are missing at the end"]
    records.audit.append(ADA, "forged", "x", {}, AT)
    records.audit.append(ADA, "forged", "y", {}, AT)
    assert records.audit.verify(head=outside[4]) == ["record 5 is not the one that was noted as the head: it was replaced"]
    records.close()


def test_an_older_note_is_still_a_good_one(records_url: str) -> None:
    outside: list[AuditHead] = []
    records = open_records(records_url, keep_head=outside.append)
    append_five(records)
    assert [records.audit.verify(head=note) for note in outside] == [[]] * 5
    records.close()


def test_an_event_stands_when_its_note_outside_fails(records_url: str, caplog: pytest.LogCaptureFixture) -> None:
    def away(head: AuditHead) -> None:
        raise OSError("the object store is away")

    records = open_records(records_url, keep_head=away)
    event = records.audit.append(ADA, "test", "x", {}, AT)
    assert list(records.audit.events()) == [event]
    assert "audit record 1 could not be noted outside the database" in caplog.text
    records.close()


def test_a_record_added_past_the_head_is_named(records: Records, tampering: Connection) -> None:
    append_five(records)
    columns = "at, actor, role, action, subject, details, previous, digest"
    tamper(tampering, f"INSERT INTO audit (seq, {columns}) SELECT 6, {columns} FROM audit WHERE seq = 5")
    assert "record 6 and later were added past the head (5)" in records.audit.verify()


def test_a_removed_head_row_is_a_fault_and_stops_appending(records: Records, tampering: Connection) -> None:
    append_five(records)
    tamper(tampering, "DELETE FROM audit_head")
    assert records.audit.verify() == ["record 1 and later were added past the head (0)"]
    with pytest.raises(StoreError, match="audit_head is empty"):
        records.audit.append(ADA, "test", "after", {}, AT)


def test_a_byte_that_is_no_text_any_more_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/damaged.db"
    migrate(url)
    records = open_records(url)
    append_five(records)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit SET details = CAST(:raw AS TEXT) WHERE seq = 3"), {"raw": b'{"accuracy":\xff}'})
    engine.dispose()
    assert [fault[:9] for fault in records.audit.verify()] == ["record 3 "]
    records.close()
