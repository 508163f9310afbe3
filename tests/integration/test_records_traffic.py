"""Traffic rows under competition: one change wins, the lease belongs to the candidate of the moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import ReplicaReport, Traffic
from libs.common.errors import StoreError
from libs.common.stores.records import Records

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MODEL = "email_classifier"


def ref(version: str) -> ModelRef:
    return ModelRef(name=MODEL, version=version, digest=version * 64, uri=f"models/{version}")


def canary(records: Records) -> Traffic:
    wanted = Traffic(
        model=MODEL,
        stable=ref("1"),
        candidate=ref("2"),
        weight=0.05,
        warm=(ref("0"),),
        lease_expires_at=AT + timedelta(seconds=60),
    )
    return records.traffic.save(wanted)


def test_a_model_without_traffic_has_revision_0(records: Records) -> None:
    assert records.traffic.get(MODEL) == Traffic(model=MODEL)


def test_a_saved_row_comes_back_with_the_next_revision(records: Records) -> None:
    saved = canary(records)
    assert saved.revision == 1
    assert records.traffic.get(MODEL) == saved
    again = records.traffic.save(saved.model_copy(update={"weight": 0.25}))
    assert (again.revision, records.traffic.get(MODEL).weight) == (2, 0.25)


def test_a_change_of_an_old_revision_is_refused_and_changes_nothing(records: Records) -> None:
    first = canary(records)
    second = records.traffic.save(first.model_copy(update={"weight": 0.25}))
    for stale in (first, Traffic(model=MODEL)):
        with pytest.raises(StoreError, match=f"changed since revision {stale.revision}"):
            records.traffic.save(stale)
    assert records.traffic.get(MODEL) == second


def test_of_many_changes_of_one_revision_exactly_one_wins(records: Records) -> None:
    read = canary(records)

    def change(weight: float) -> Traffic | None:
        try:
            return records.traffic.save(read.model_copy(update={"weight": weight}))
        except StoreError:
            return None

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(change, [n / 100 for n in range(16)]))
    winners = [outcome for outcome in outcomes if outcome]
    assert len(winners) == 1
    assert records.traffic.get(MODEL) == winners[0]


def test_renewing_the_lease_changes_nothing_else(records: Records) -> None:
    saved = canary(records)
    until = AT + timedelta(minutes=5)
    records.traffic.renew_lease(MODEL, "2", until)
    assert records.traffic.get(MODEL) == saved.model_copy(update={"lease_expires_at": until})


def test_only_the_candidate_of_the_moment_may_renew(records: Records) -> None:
    saved = canary(records)
    with pytest.raises(StoreError, match=f"{MODEL}/3 is not the candidate any more"):
        records.traffic.renew_lease(MODEL, "3", AT)
    back = saved.model_copy(update={"candidate": None, "weight": 0.0, "lease_expires_at": None})
    records.traffic.save(back)
    with pytest.raises(StoreError, match=f"{MODEL}/2 is not the candidate any more"):
        records.traffic.renew_lease(MODEL, "2", AT)
    assert records.traffic.get(MODEL).lease_expires_at is None


def test_a_replica_has_one_report_the_last(records: Records) -> None:
    def report(replica: str, revision: int, at: datetime) -> ReplicaReport:
        return ReplicaReport(model=MODEL, replica=replica, revision=revision, loaded=("a" * 64,), at=at)

    records.traffic.report(report("r1", 1, AT))
    records.traffic.report(report("r2", 1, AT + timedelta(seconds=1)))
    records.traffic.report(report("r1", 2, AT + timedelta(seconds=2)))
    assert records.traffic.reports(MODEL, AT) == [
        report("r1", 2, AT + timedelta(seconds=2)),
        report("r2", 1, AT + timedelta(seconds=1)),
    ]
    assert [found.replica for found in records.traffic.reports(MODEL, AT + timedelta(seconds=2))] == ["r1"]
    assert records.traffic.reports("other", AT) == []


def test_times_of_any_zone_come_back_as_the_same_moment(records: Records) -> None:
    from zoneinfo import ZoneInfo

    there = AT.astimezone(ZoneInfo("Asia/Kolkata"))
    records.traffic.save(Traffic(model=MODEL, candidate=ref("2"), lease_expires_at=there))
    lease = records.traffic.get(MODEL).lease_expires_at
    assert lease == AT
    assert lease is not None
    assert lease.utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused(records: Records) -> None:
    with pytest.raises(StoreError, match="has no time zone"):
        records.traffic.save(Traffic(model=MODEL, lease_expires_at=AT.replace(tzinfo=None)))
