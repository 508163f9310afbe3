"""Batches in the records: one a key and owner, changed under a lock, forgotten when told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.domain.batch import Batch, BatchOrder, Headway, Work, begin, resume, settle
from libs.common.errors import StoreError
from libs.common.stores.records import Records

AT = datetime(2026, 3, 1, tzinfo=UTC)


def batch(id: str, owner: str = "ann", minute: int = 0) -> Batch:
    at = AT + timedelta(minutes=minute)
    return Batch(id=id, owner=owner, order=BatchOrder(source="/m.mbox"), created_at=at, attempted_at=at)


def test_a_key_of_an_owner_stands_for_one_batch(records: Records) -> None:
    store = records.batches
    with ThreadPoolExecutor(4) as pool:
        kept = set(pool.map(lambda number: store.add(batch(f"b{number}"), "monday").id, range(8)))
    assert len(kept) == 1
    assert store.add(batch("other", "bob"), "monday").id == "other"
    assert [store.add(batch(name, minute=place)).id for place, name in enumerate(("c", "d"), 1)] == ["c", "d"]
    assert [found.id for found in store.list("ann", 2)] == ["d", "c"]
    assert store.get("nothing") is store.find("ann", "tuesday") is None
    with pytest.raises(StoreError, match="no batch nothing"):
        store.change("nothing", lambda found: found)


def test_one_of_many_resumes_starts_an_attempt(records: Records) -> None:
    store = records.batches
    store.add(batch("b"))
    store.change("b", lambda found: begin(found, 1, "3", AT))
    store.change("b", lambda found: settle(found, Work.ENDED, AT))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.change("b", lambda found: resume(found, AT)), range(8)))
    found = store.get("b")
    assert found is not None
    assert (found.attempt, found.version, found.ended_at, found.headway) == (2, "3", None, Headway())


def test_open_and_ended_ones_are_told_apart(records: Records) -> None:
    store = records.batches
    for name in ("b", "c"):
        store.add(batch(name))
    store.change("b", lambda found: settle(found, Work.ENDED, AT))
    assert [found.id for found in store.open()] == ["c"]
    assert [found.id for found in store.ended_before(AT + timedelta(seconds=1))] == ["b"]
    assert store.ended_before(AT) == []
    store.delete("b")
    assert store.get("b") is None
