"""A release moves on, rolls back and can be taken up at any tick; the traffic row always says what the rollout says."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.reconcile import abandoned
from flows.rollback import roll_back
from flows.rollout_steps import Release, settled
from libs.common.config.configuration import Addresses
from libs.common.connect import Stores
from libs.common.domain.audit import Actor, Role
from libs.common.domain.model import ModelRef
from libs.common.domain.rollout import Comparison, Rollout, RolloutPhase, Schedule
from libs.common.domain.traffic import ReplicaReport, Traffic
from libs.common.domain.verdict import Verdict
from libs.common.errors import PromotionRefused, StoreError, Unavailable
from libs.common.stores.records import Records, migrate, open_records

STABLE = ModelRef(name="email_classifier", version="1", digest="a" * 64, uri="objects/1")
CANDIDATE = ModelRef(name="email_classifier", version="2", digest="b" * 64, uri="objects/2")
OPERATOR = Actor(name="olga", role=Role.ENGINEER)


class Slots:
    """Remembers what was asked of it; comes up unless told otherwise."""

    def __init__(self) -> None:
        self.served: list[str] = []
        self.deployed: list[str] = []
        self.retired = 0
        self.broken = False

    def serve(self, model: str) -> None:
        self.served.append(model)

    def deploy(self, candidate: ModelRef) -> None:
        if self.broken:
            raise Unavailable("the slot did not become ready")
        self.deployed.append(candidate.version)

    def retire(self, model: str) -> None:
        self.retired += 1


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    migrate(f"sqlite:///{tmp_path}/records.db")
    records = open_records(f"sqlite:///{tmp_path}/records.db")
    records.traffic.save(Traffic(model="email_classifier", stable=STABLE))
    yield records
    records.close()


@pytest.fixture
def stores(records: Records, tmp_path: Path) -> Stores:
    addresses = Addresses(
        records=f"sqlite:///{tmp_path}/records.db",
        objects=str(tmp_path / "objects"),
        tracking="",
        datasets="",
        dataset_remote="",
    )
    stores = Stores(addresses)
    stores.__dict__["records"] = records
    return stores


@pytest.fixture
def slots() -> Slots:
    return Slots()


def rollout(mirror: bool = False, weights: tuple[float, ...] = (0.05, 0.5, 1.0), stable: ModelRef | None = STABLE) -> Rollout:
    schedule = Schedule(weights=weights, evaluation_period=timedelta(milliseconds=4), max_extensions=2, mirror=mirror)
    return Rollout(
        id="r1",
        model="email_classifier",
        strategy="canary",
        candidate=CANDIDATE,
        stable=stable,
        schedule=schedule,
        started_at=datetime.now(UTC),
        requested_by="olga",
    )


def report_now(records: Records, digests: tuple[str, ...], at: datetime, behind: int = 0) -> None:
    """What a replica says that has applied the row, or that is some revisions ``behind``."""
    revision = records.traffic.get("email_classifier").revision - behind
    records.traffic.report(ReplicaReport(model="email_classifier", replica="one", revision=revision, loaded=digests, at=at))


def release(records: Records, slots: Slots, compare: Callable[[Rollout], Comparison], loaded: bool = True) -> Release:
    def now() -> datetime:
        at = datetime.now(UTC)
        digests = (STABLE.digest, CANDIDATE.digest) if loaded else (STABLE.digest,)
        report_now(records, digests, at)
        return at

    return Release(
        records=records,
        slots=slots,
        compare=compare,
        crown=lambda _: None,
        now=now,
        tick=timedelta(milliseconds=1),
        lease=timedelta(seconds=30),
        load_deadline=timedelta(milliseconds=50),
        report_age=timedelta(seconds=5),
    )


def always(verdict: Verdict) -> Callable[[Rollout], Comparison]:
    return lambda _: Comparison(verdicts={"errors": verdict})


def begin(records: Records, started: Rollout) -> Rollout:
    return records.rollouts.save(started)


def test_a_good_candidate_goes_through_every_weight_and_becomes_stable(records: Records, slots: Slots) -> None:
    seen: list[float] = []

    def compare(current: Rollout) -> Comparison:
        seen.append(records.traffic.get(current.model).weight)
        return Comparison(verdicts={"errors": Verdict.PASS})

    ended = release(records, slots, compare).drive(begin(records, rollout()))
    row = records.traffic.get("email_classifier")
    assert ended.phase is RolloutPhase.SUCCEEDED
    assert sorted(set(seen)) == [0.05, 0.5]
    assert (row.stable, row.candidate, row.weight, row.warm) == (CANDIDATE, None, 0.0, (STABLE,))
    assert slots.deployed == ["2"]
    assert slots.retired == 1
    assert [event.action for event in records.audit.events()] == ["step", "step", "promote", "release"]


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_the_end_is_told_and_the_slot_retired_when_every_replica_has_applied_it(
    records: Records, slots: Slots, verdict: Verdict
) -> None:
    ends: list[tuple[bool, int]] = []
    tested: list[bool] = []

    def late() -> datetime:
        at = datetime.now(UTC)
        tested.append(records.traffic.get("email_classifier").candidate is not None)
        over = any(tested) and not tested[-1]
        ends.extend([(records.rollouts.get("r1").phase.final, slots.retired)] if over else [])
        report_now(records, (STABLE.digest, CANDIDATE.digest), at, behind=int(over and len(ends) < 6))
        return at

    ended = replace(release(records, slots, always(verdict)), now=late, load_deadline=timedelta(seconds=5))
    assert ended.drive(begin(records, rollout())).phase.final
    assert slots.retired == 1
    assert ends[:6] == [(False, 0)] * 6


def test_a_bad_candidate_is_rolled_back_and_stable_goes_on(records: Records, slots: Slots) -> None:
    ended = release(records, slots, always(Verdict.FAIL)).drive(begin(records, rollout()))
    row = records.traffic.get("email_classifier")
    assert ended.phase is RolloutPhase.ROLLED_BACK
    assert "errors" in ended.reason
    assert (row.stable, row.candidate, row.weight) == (STABLE, None, 0.0)
    assert slots.retired == 1


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.INSUFFICIENT_DATA])
def test_without_a_verdict_it_extends_and_then_waits_for_a_person(records: Records, slots: Slots, verdict: Verdict) -> None:
    ended = release(records, slots, always(verdict)).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.PAUSED
    assert ended.extensions == 2
    assert records.traffic.get("email_classifier").at(datetime.now(UTC)).weight == 0


def test_a_slot_that_does_not_come_up_fails_the_release_before_any_traffic(records: Records, slots: Slots) -> None:
    slots.broken = True
    ended = release(records, slots, always(Verdict.PASS)).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.FAILED
    assert records.traffic.get("email_classifier").stable == STABLE


def test_a_version_that_a_replica_cannot_load_never_becomes_stable(records: Records, slots: Slots) -> None:
    ended = release(records, slots, always(Verdict.PASS), loaded=False).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.ROLLED_BACK
    assert "not every replica loaded" in ended.reason
    assert records.traffic.get("email_classifier").stable == STABLE


def test_the_first_release_of_a_model_has_nothing_to_compare_with(records: Records, slots: Slots) -> None:
    row = records.traffic.get("email_classifier")
    records.traffic.save(row.model_copy(update={"stable": None}))
    ended = release(records, slots, always(Verdict.FAIL)).drive(begin(records, rollout(stable=None)))
    assert ended.phase is RolloutPhase.SUCCEEDED
    assert records.traffic.get("email_classifier").stable == CANDIDATE
    assert (slots.served, slots.deployed) == (["email_classifier"], [])


def test_blue_green_moves_the_pointer_at_once(records: Records, slots: Slots) -> None:
    ended = release(records, slots, always(Verdict.FAIL)).drive(begin(records, rollout(weights=(1.0,))))
    assert ended.phase is RolloutPhase.SUCCEEDED
    assert records.traffic.get("email_classifier").stable == CANDIDATE


def test_a_shadow_mirrors_and_leaves_stable_alone(records: Records, slots: Slots) -> None:
    mirrored: list[bool] = []

    def compare(current: Rollout) -> Comparison:
        row = records.traffic.get(current.model)
        mirrored.append(row.mirror and row.candidate == CANDIDATE and row.weight == 0)
        return Comparison(verdicts={"disagreement": Verdict.PASS})

    ended = release(records, slots, compare).drive(begin(records, rollout(mirror=True, weights=(0.0,))))
    assert ended.phase is RolloutPhase.SUCCEEDED
    assert all(mirrored)
    assert records.traffic.get("email_classifier").stable == STABLE


def test_a_person_can_end_it_in_the_middle(records: Records, slots: Slots, stores: Stores) -> None:
    def compare(_: Rollout) -> Comparison:
        roll_back(stores, "email_classifier", OPERATOR, "customers complain", datetime.now(UTC))
        return Comparison(verdicts={"errors": Verdict.PASS})

    ended = release(records, slots, compare).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.ROLLED_BACK
    assert "customers complain" in ended.reason
    assert records.traffic.get("email_classifier").candidate is None
    assert slots.retired == 1


def test_a_person_who_ends_it_while_it_routes_has_the_last_word(records: Records, slots: Slots, stores: Stores) -> None:
    def compare(current: Rollout) -> Comparison:
        before = records.traffic.get(current.model)
        roll_back(stores, current.model, OPERATOR, "customers complain", datetime.now(UTC))
        late = before.model_copy(update={"revision": records.traffic.get(current.model).revision})
        records.traffic.save(late)  # what a tick does that had read the rollout just before
        return Comparison(verdicts={"errors": Verdict.PASS})

    ended = release(records, slots, compare).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.ROLLED_BACK
    row = records.traffic.get("email_classifier")
    assert (row.stable, row.candidate, row.weight, row.lease_expires_at) == (STABLE, None, 0.0, None)


def test_ending_it_takes_back_a_pointer_that_was_flipped_in_that_moment(records: Records, stores: Stores) -> None:
    begin(records, rollout().model_copy(update={"phase": RolloutPhase.PROMOTING}))
    flipped = records.traffic.get("email_classifier").alone(CANDIDATE, warm=(STABLE,))
    records.traffic.save(flipped)
    assert roll_back(stores, "email_classifier", OPERATOR, "no", datetime.now(UTC)).stable == STABLE


def test_a_candidate_that_was_taken_out_of_the_traffic_never_becomes_stable() -> None:
    alone = Traffic(model="email_classifier", stable=STABLE)
    with pytest.raises(StoreError, match="not the candidate any more"):
        settled(alone, rollout(), RolloutPhase.SUCCEEDED)


def test_a_comparison_that_breaks_pauses_the_rollout_for_a_person(records: Records, slots: Slots) -> None:
    def breaks(_: Rollout) -> Comparison:
        raise ValueError("a figure is not a number")

    ended = release(records, slots, breaks).drive(begin(records, rollout()))
    assert ended.phase is RolloutPhase.PAUSED
    assert "a figure is not a number" in ended.reason
    assert records.traffic.get("email_classifier").weight == 0
    assert slots.retired == 1


def test_a_store_that_is_away_ends_the_run_but_not_the_rollout(records: Records, slots: Slots) -> None:
    def away(_: Rollout) -> Comparison:
        raise StoreError("the prediction log does not answer")

    with pytest.raises(StoreError, match="does not answer"):
        release(records, slots, away).drive(begin(records, rollout()))
    assert records.rollouts.get("r1").phase is RolloutPhase.PROGRESSING
    assert slots.retired == 0


def test_promoting_never_takes_the_traffic_away_in_between(records: Records, slots: Slots) -> None:
    weights: list[float] = []
    driven = release(records, slots, always(Verdict.PASS))

    def now() -> datetime:
        row = records.traffic.get("email_classifier")
        if records.rollouts.get("r1").phase is RolloutPhase.PROMOTING and row.stable == STABLE:
            weights.append(row.weight)
        return driven.now()

    replace(driven, now=now).drive(begin(records, rollout()))
    assert set(weights) == {0.5, 1.0}


def test_a_pointer_that_a_dead_run_flipped_stays_where_it_is(records: Records, slots: Slots) -> None:
    left = begin(records, rollout().model_copy(update={"phase": RolloutPhase.PROMOTING}))
    records.traffic.save(records.traffic.get("email_classifier").alone(CANDIDATE, warm=(STABLE,)))
    ended = release(records, slots, always(Verdict.FAIL), loaded=False).drive(left)
    assert ended.phase is RolloutPhase.SUCCEEDED
    assert records.traffic.get("email_classifier").stable == CANDIDATE


def test_going_back_without_a_previous_version_is_refused(stores: Stores) -> None:
    with pytest.raises(PromotionRefused, match="no previous version"):
        roll_back(stores, "email_classifier", OPERATOR, "just so", datetime.now(UTC))


def test_a_rollout_is_abandoned_once_its_lease_has_run_out(records: Records) -> None:
    now = datetime.now(UTC)
    held = Traffic(model="email_classifier", stable=STABLE, candidate=CANDIDATE, weight=0.5, lease_expires_at=now)
    progressing = rollout().model_copy(update={"phase": RolloutPhase.PROGRESSING})
    assert abandoned(progressing, held, now)
    assert not abandoned(progressing, held, now - timedelta(seconds=1))
    assert not abandoned(progressing.model_copy(update={"phase": RolloutPhase.PAUSED}), held, now)
    assert abandoned(rollout(), Traffic(model="email_classifier"), now + timedelta(minutes=6))


def test_an_interrupted_rollout_goes_on_at_its_step(records: Records, slots: Slots) -> None:
    class Killed(BaseException):
        pass

    def dies_in_the_second_step(current: Rollout) -> Comparison:
        if current.step == 1:
            raise Killed
        return Comparison(verdicts={"errors": Verdict.PASS})

    with pytest.raises(Killed):
        release(records, slots, dies_in_the_second_step).drive(begin(records, rollout()))
    left = records.rollouts.get("r1")
    assert (left.phase, left.step) == (RolloutPhase.PROGRESSING, 1)
    ended = release(records, slots, always(Verdict.PASS)).drive(left)
    assert ended.phase is RolloutPhase.SUCCEEDED
