"""The follower applies the row, keeps its last state, flips only when loaded, and reports what it did."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from apps.serving.loading import LoadedModel
from apps.serving.model_cache import ModelCache
from apps.serving.traffic import RETRY_LOADING_AFTER, TrafficFollower
from libs.common.domain.model import ModelRef
from libs.common.domain.triage import Variant
from libs.common.errors import ModelCorrupt, StoreError
from tests.unit.apps.serving.fakes import MODEL, TrafficInMemory, loaded, ref

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Room:
    """A follower with its surroundings."""

    def __init__(self, always: tuple[ModelRef, ...] = (), limit_bytes: int = 100) -> None:
        self.store = TrafficInMemory()
        self.broken: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.away = 0
        cache = ModelCache(self._load, limit_bytes)
        self.follower = TrafficFollower(MODEL, "replica-1", self.store, cache, on_store_error=self._count, always=always)

    def _load(self, wanted: ModelRef) -> LoadedModel:
        assert self.gate.wait(5)
        if wanted.version in self.broken:
            raise ModelCorrupt(f"{wanted} is damaged")
        return loaded(wanted.version)

    def _count(self) -> None:
        self.away += 1

    @property
    def live(self) -> str | None:
        return self.follower.live.ref.version if self.follower.live else None

    def poll_until(self, condition: Callable[[], bool], now: datetime = NOW) -> None:
        give_up = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < give_up
            self.follower.poll(now)
            time.sleep(0.001)


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.gate.set()
    room.follower.stop()


def test_it_starts_with_the_stable_version_loaded_and_reported(room: Room) -> None:
    room.store.change(stable=ref("1"), warm=(ref("0"),))
    room.follower.start(NOW, 5)
    assert room.live == "1"
    assert set(room.store.reports[-1].loaded) == {"digest-0", "digest-1"}
    assert room.store.reports[-1].revision == 1


def test_what_is_always_warm_is_loaded_before_it_is_ready_and_stays_whatever_the_limit() -> None:
    room = Room(always=(ref("7"),), limit_bytes=10)
    room.store.change(stable=ref("1"))
    room.follower.start(NOW, 5)
    assert set(room.store.reports[0].loaded) == {"digest-1", "digest-7"}
    for revision, version in enumerate(("2", "3"), 2):
        room.store.change(stable=ref(version), warm=(ref("7"),))
        room.poll_until(lambda wanted=version: room.live == wanted)
        room.poll_until(lambda: set(room.store.reports[-1].loaded) == {"digest-7", f"digest-{room.live}"})
        assert room.follower.revision == revision
    room.follower.stop()


def test_one_that_is_always_warm_and_cannot_be_loaded_stops_nothing_and_is_tried_again() -> None:
    room = Room(always=(ref("7"),))
    room.broken = {"7"}
    room.store.change(stable=ref("1"))
    room.follower.start(NOW, 5)
    assert room.live == "1"
    room.broken = set()
    later = NOW + RETRY_LOADING_AFTER
    room.follower.poll(later)
    room.poll_until(lambda: "digest-7" in room.store.reports[-1].loaded, later + RETRY_LOADING_AFTER)
    room.follower.stop()


def test_a_version_that_was_kept_warm_can_become_the_first_stable_one(room: Room) -> None:
    room.store.change(stable=None, warm=(ref("1"),))
    room.follower.start(NOW, 5)
    assert room.live is None
    room.store.change(stable=ref("1"), warm=())
    room.poll_until(lambda: room.live == "1")


def test_it_starts_without_a_model_and_takes_the_first_that_comes(room: Room) -> None:
    room.follower.start(NOW, 5)
    assert room.live is None
    room.store.change(stable=ref("1"))
    room.poll_until(lambda: room.live == "1")


def test_it_does_not_start_without_a_store_or_with_a_damaged_model(room: Room) -> None:
    room.store.away = True
    with pytest.raises(StoreError):
        room.follower.start(NOW, 5)
    room.store.away, room.broken = False, {"1"}
    room.store.change(stable=ref("1"))
    with pytest.raises(ModelCorrupt):
        room.follower.start(NOW, 5)


def test_the_old_version_stays_live_while_the_new_one_loads_but_weights_move_at_once(room: Room) -> None:
    room.store.change(stable=ref("1"))
    room.follower.start(NOW, 5)
    room.gate.clear()
    room.store.change(stable=ref("2"))
    room.follower.poll(NOW)
    room.store.change(candidate=ref("3"), weight=1.0)
    room.follower.poll(NOW)
    assert room.live == "1"
    assert room.follower.split(NOW).choose("key") is Variant.CANDIDATE
    room.gate.set()
    room.poll_until(lambda: room.live == "2")


def test_a_store_that_is_away_changes_nothing_and_the_lease_still_ends(room: Room) -> None:
    room.store.change(stable=ref("1"), candidate=ref("2"), weight=1.0, lease_expires_at=NOW + timedelta(seconds=60))
    room.follower.start(NOW, 5)
    room.store.away = True
    room.follower.poll(NOW)
    assert room.away == 1
    assert room.live == "1"
    assert room.follower.split(NOW + timedelta(seconds=59)).choose("key") is Variant.CANDIDATE
    assert room.follower.split(NOW + timedelta(seconds=60)).choose("key") is Variant.STABLE


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_live_and_is_tried_again_later(room: Room) -> None:
    room.store.change(stable=ref("1"))
    room.follower.start(NOW, 5)
    room.broken = {"2"}
    room.store.change(stable=ref("2"))
    for _ in range(20):
        room.follower.poll(NOW)
        time.sleep(0.001)
    assert room.live == "1"
    room.broken = set()
    room.poll_until(lambda: room.live == "2", NOW + RETRY_LOADING_AFTER)


def test_going_back_to_a_warm_version_loads_nothing(room: Room) -> None:
    room.store.change(stable=ref("1"))
    room.follower.start(NOW, 5)
    room.store.change(stable=ref("2"), warm=(ref("1"),))
    room.poll_until(lambda: room.live == "2")
    room.gate.clear()
    room.store.change(stable=ref("1"), warm=())
    room.poll_until(lambda: room.live == "1")


def test_it_reports_changes_at_once_and_otherwise_now_and_then(room: Room) -> None:
    room.follower.start(NOW, 5)
    assert len(room.store.reports) == 1
    room.follower.poll(NOW + timedelta(seconds=1))
    assert len(room.store.reports) == 1
    room.store.change(weight=0.5)
    room.follower.poll(NOW + timedelta(seconds=2))
    assert room.store.reports[-1].revision == 1
    room.follower.poll(NOW + timedelta(seconds=8))
    assert len(room.store.reports) == 3
