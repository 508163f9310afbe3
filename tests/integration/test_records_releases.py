"""Rollouts, promotions, approvals and evidence between the processes that work on them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from libs.common.domain.model import ModelRef, Stage
from libs.common.domain.promotion import Approval, GateResult, Promotion, PromotionOutcome
from libs.common.domain.rollout import Rollout, RolloutPhase, Schedule
from libs.common.domain.verdict import Verdict
from libs.common.errors import PromotionRefused, StoreError
from libs.common.stores.records import Records

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "email_classifier"
REF = ModelRef(name=MODEL, version="2", digest="2" * 64, uri="models/2")


def rollout(id: str, phase: RolloutPhase, minute: int = 0, model: str = MODEL) -> Rollout:
    return Rollout(
        id=id,
        model=model,
        strategy="canary",
        candidate=REF,
        stable=None,
        schedule=Schedule(weights=(0.05, 1.0), evaluation_period=timedelta(minutes=5), max_extensions=2),
        started_at=AT + timedelta(minutes=minute),
        requested_by="ada",
        phase=phase,
    )


def promotion(id: str, minute: int = 0) -> Promotion:
    return Promotion(
        id=id,
        model=MODEL,
        version="2",
        stage=Stage.STAGING,
        requested_by="ada",
        requested_at=AT + timedelta(minutes=minute),
    )


def approval(approver: str, approved: bool = True) -> Approval:
    return Approval(approver=approver, approved=approved, reason="looked at it", at=AT)


def test_a_rollout_is_found_again_by_id_and_model(records: Records) -> None:
    first, second = rollout("a", RolloutPhase.PROGRESSING), rollout("b", RolloutPhase.PREPARING, minute=1)
    other = rollout("c", RolloutPhase.PAUSED, minute=2, model="email_summarizer")
    for each in (second, first, other):
        records.rollouts.save(each)
    assert records.rollouts.get("a") == first
    assert records.rollouts.list(MODEL) == [first, second]
    assert records.rollouts.unfinished() == [first, second, other]


def test_an_unknown_rollout_is_an_error(records: Records) -> None:
    with pytest.raises(StoreError, match="there is no rollout x"):
        records.rollouts.get("x")


@pytest.mark.parametrize("final", [RolloutPhase.SUCCEEDED, RolloutPhase.ROLLED_BACK, RolloutPhase.FAILED])
def test_a_final_rollout_stays_as_it_is(records: Records, final: RolloutPhase) -> None:
    records.rollouts.save(rollout("a", RolloutPhase.PROGRESSING))
    ended = records.rollouts.save(rollout("a", final))
    assert records.rollouts.unfinished() == []
    assert records.rollouts.save(ended) == ended
    with pytest.raises(StoreError, match=f"rollout a is {final} already and cannot be progressing"):
        records.rollouts.save(rollout("a", RolloutPhase.PROGRESSING))
    assert records.rollouts.get("a") == ended


def test_open_promotions_are_those_without_a_decision(records: Records) -> None:
    waiting = records.promotions.save(promotion("a"))
    decided = promotion("b", 1).model_copy(update={"outcome": PromotionOutcome.REFUSE, "decided_at": AT})
    records.promotions.save(decided)
    assert records.promotions.open() == [waiting]
    assert records.promotions.list(MODEL) == [waiting, decided]
    assert records.promotions.get("b") == decided


def test_an_approval_survives_a_save_by_somebody_who_had_not_seen_it(records: Records) -> None:
    unseen = records.promotions.save(promotion("a"))
    approved = records.promotions.add_approval("a", approval("grace"))
    assert approved.approvals == (approval("grace"),)
    gate = GateResult(gate="accuracy > 0.9", verdict=Verdict.PASS, found="0.95")
    saved = records.promotions.save(unseen.model_copy(update={"gates": (gate,)}))
    assert (saved.gates, saved.approvals) == ((gate,), (approval("grace"),))


def test_one_person_counts_once_and_a_no_is_kept_beside_a_yes(records: Records) -> None:
    records.promotions.save(promotion("a"))
    for vote in (approval("grace"), approval("grace"), approval("grace", approved=False), approval("alan")):
        found = records.promotions.add_approval("a", vote)
    assert found.approvals == (approval("grace"), approval("grace", approved=False), approval("alan"))


def test_approvals_given_at_the_same_time_all_count(records: Records) -> None:
    records.promotions.save(promotion("a"))
    names = [f"approver-{n}" for n in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: records.promotions.add_approval("a", approval(name)), names))
    assert sorted(vote.approver for vote in records.promotions.get("a").approvals) == sorted(names)


def test_a_decided_promotion_takes_no_approval(records: Records) -> None:
    records.promotions.save(promotion("a").model_copy(update={"outcome": PromotionOutcome.REFUSE, "decided_at": AT}))
    with pytest.raises(PromotionRefused, match="promotion a was decided at 2026-03-01 12:00:00: refuse"):
        records.promotions.add_approval("a", approval("grace"))
    assert records.promotions.get("a").approvals == ()


def test_approving_what_is_not_there_is_an_error(records: Records) -> None:
    with pytest.raises(StoreError, match="there is no promotion x"):
        records.promotions.add_approval("x", approval("grace"))


def test_the_newest_evidence_counts(records: Records) -> None:
    assert records.evidence.latest(MODEL, "2", "security_scan") is None
    records.evidence.record(MODEL, "2", "security_scan", True, "clean", "ada", AT + timedelta(hours=1))
    records.evidence.record(MODEL, "2", "security_scan", False, "an older scan", "ada", AT)
    again = records.evidence.record(MODEL, "2", "security_scan", False, "CVE found", "ada", AT + timedelta(hours=1))
    assert records.evidence.latest(MODEL, "2", "security_scan") == again
    assert records.evidence.latest(MODEL, "3", "security_scan") is None
    assert records.evidence.latest(MODEL, "2", "bias_testing") is None
