"""Whether a model version may enter a stage: gates, approvals, and the decision over them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from libs.common.domain.model import Stage
from libs.common.domain.value import Value
from libs.common.domain.verdict import Verdict, worst


class QualityGate(Value):
    """One line of ``quality_gates``: ``name`` finds its evidence; ``condition`` is its limit, where it has one."""

    name: str
    condition: str | None = None

    def __str__(self) -> str:
        return self.condition or self.name


# What can be asked only of a model that gives categories.
OF_CLASSIFIERS = frozenset({"model_accuracy", "a_b_test_preparation"})


class GateResult(Value):
    """What a gate found, in words a person can check."""

    gate: str
    verdict: Verdict
    found: str


class Approval(Value):
    """An authenticated person's yes or no."""

    approver: str
    approved: bool
    reason: str
    at: datetime


class Evidence(Value):
    """What a person or a test found of one version, for the gate ``name`` that asks for it."""

    model: str
    version: str
    name: str
    passed: bool
    detail: str
    by: str
    at: datetime


class PromotionOutcome(StrEnum):
    """What is to be done with a promotion."""

    PROMOTE = "promote"
    WAIT = "wait"
    REFUSE = "refuse"


class PromotionDecision(Value):
    """The outcome and why."""

    outcome: PromotionOutcome
    reasons: tuple[str, ...]


class Promotion(Value):
    """A request to move one version to one stage, with all that has been found and said of it so far.

    ``target`` is the stage that the version is to reach in the end, ``strategy`` how it is then released; ``not_asked`` are
    the gates of the stage that make no sense for a model of its kind.
    """

    id: str
    model: str
    version: str
    stage: Stage
    requested_by: str
    requested_at: datetime
    target: Stage = Stage.PRODUCTION
    strategy: str = "canary"
    flow_run_id: str = ""
    gates: tuple[GateResult, ...] = ()
    not_asked: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    outcome: PromotionOutcome = PromotionOutcome.WAIT
    decided_at: datetime | None = None


def decide(gates: Sequence[GateResult], approvals: Sequence[Approval], approvals_needed: int) -> PromotionDecision:
    """Refuse on any failed or unproven gate or any rejection; wait for missing approvals; else promote.

    A stage with no gate result at all is refused: nothing was shown.
    """
    if worst(result.verdict for result in gates) is not Verdict.PASS:
        open_gates = [result for result in gates if result.verdict is not Verdict.PASS]
        reasons = tuple(f"{result.gate}: {result.verdict} ({result.found})" for result in open_gates)
        return PromotionDecision(outcome=PromotionOutcome.REFUSE, reasons=reasons or ("no gate was evaluated",))
    if rejections := [approval for approval in approvals if not approval.approved]:
        reasons = tuple(f"rejected by {rejection.approver}: {rejection.reason}" for rejection in rejections)
        return PromotionDecision(outcome=PromotionOutcome.REFUSE, reasons=reasons)
    approvers = sorted({approval.approver for approval in approvals})
    if len(approvers) < approvals_needed:
        reason = f"{len(approvers)} of {approvals_needed} approvals"
        return PromotionDecision(outcome=PromotionOutcome.WAIT, reasons=(reason,))
    passed = f"{len(gates)} of {len(gates)} gates passed"
    return PromotionDecision(
        outcome=PromotionOutcome.PROMOTE,
        reasons=(passed, *(f"approved by {approver}" for approver in approvers)),
    )
