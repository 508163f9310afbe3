"""decide: nothing unproven and nothing rejected is ever promoted."""

from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.promotion import Approval, GateResult, PromotionOutcome, QualityGate, decide
from libs.common.domain.verdict import Verdict

AT = datetime(2026, 3, 1, tzinfo=UTC)

gates = st.lists(
    st.builds(GateResult, gate=st.sampled_from("abc"), verdict=st.sampled_from(Verdict), found=st.just("x")), max_size=4
)
passed = st.lists(st.just(GateResult(gate="a", verdict=Verdict.PASS, found="0.95")), min_size=1, max_size=4)
approvals = st.lists(
    st.builds(
        Approval,
        approver=st.sampled_from(["ada", "grace", "alan"]),
        approved=st.booleans(),
        reason=st.just("r"),
        at=st.just(AT),
    ),
    max_size=5,
)
needed = st.integers(0, 3)


def gate(verdict: Verdict) -> GateResult:
    return GateResult(gate="accuracy > 0.9", verdict=verdict, found="0.91 of 40 labels")


def vote(approver: str, approved: bool = True) -> Approval:
    return Approval(approver=approver, approved=approved, reason="slices look bad", at=AT)


def test_all_gates_and_approvals_promote_and_name_who() -> None:
    decision = decide([gate(Verdict.PASS)], [vote("grace"), vote("ada")], approvals_needed=2)
    assert decision.outcome is PromotionOutcome.PROMOTE
    assert decision.reasons == ("1 of 1 gates passed", "approved by ada", "approved by grace")


def test_a_gate_that_did_not_pass_refuses_and_is_named() -> None:
    decision = decide([gate(Verdict.PASS), gate(Verdict.INSUFFICIENT_DATA)], [vote("ada")], approvals_needed=0)
    assert decision.outcome is PromotionOutcome.REFUSE
    assert decision.reasons == ("accuracy > 0.9: insufficient_data (0.91 of 40 labels)",)


def test_no_gate_at_all_refuses() -> None:
    decision = decide([], [vote("ada")], approvals_needed=0)
    assert (decision.outcome, decision.reasons) == (PromotionOutcome.REFUSE, ("no gate was evaluated",))


def test_one_person_counts_once() -> None:
    decision = decide([gate(Verdict.PASS)], [vote("ada"), vote("ada")], approvals_needed=2)
    assert (decision.outcome, decision.reasons) == (PromotionOutcome.WAIT, ("1 of 2 approvals",))


def test_a_no_outweighs_any_number_of_yes() -> None:
    decision = decide([gate(Verdict.PASS)], [vote("ada"), vote("grace"), vote("alan", approved=False)], approvals_needed=1)
    assert (decision.outcome, decision.reasons) == (PromotionOutcome.REFUSE, ("rejected by alan: slices look bad",))


@given(gates, approvals, needed)
def test_promoted_means_everything_was_there(gates: list[GateResult], approvals: list[Approval], needed: int) -> None:
    decision = decide(gates, approvals, needed)
    everything = (
        bool(gates)
        and all(result.verdict is Verdict.PASS for result in gates)
        and all(approval.approved for approval in approvals)
        and len({approval.approver for approval in approvals}) >= needed
    )
    assert (decision.outcome is PromotionOutcome.PROMOTE) == everything
    assert decision.reasons


@given(passed, approvals, needed)
def test_waiting_ends_with_enough_other_approvers(gates: list[GateResult], approvals: list[Approval], needed: int) -> None:
    if decide(gates, approvals, needed).outcome is PromotionOutcome.WAIT:
        enough = [*approvals, *(vote(f"approver-{n}") for n in range(needed))]
        assert decide(gates, enough, needed).outcome is PromotionOutcome.PROMOTE


@given(gates, approvals, needed, st.randoms())
def test_the_order_of_votes_and_gates_does_not_matter(
    gates: list[GateResult], approvals: list[Approval], needed: int, random: Random
) -> None:
    outcome = decide(gates, approvals, needed).outcome
    random.shuffle(gates)
    random.shuffle(approvals)
    assert decide(gates, approvals, needed).outcome is outcome


@given(gates, approvals, needed)
def test_a_rejection_never_leads_on(gates: list[GateResult], approvals: list[Approval], needed: int) -> None:
    assert decide(gates, [*approvals, vote("eve", approved=False)], needed).outcome is PromotionOutcome.REFUSE


def test_a_gate_is_written_as_its_condition_or_its_name() -> None:
    assert [str(QualityGate(name="a", condition="a > 1")), str(QualityGate(name="b"))] == ["a > 1", "b"]
