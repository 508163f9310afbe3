"""Whether `triage release` reached its end, so that a script can trust its exit status."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.console.commands.releases import require_released
from libs.common.domain.model import ModelRef
from libs.common.domain.rollout import Rollout, RolloutPhase, Schedule
from libs.common.errors import ReleaseHalted


def ended(phase: RolloutPhase) -> Rollout:
    return Rollout(
        id="email_classifier-2-abc",
        model="email_classifier",
        strategy="canary",
        candidate=ModelRef(name="email_classifier", version="2", digest="d", uri="u"),
        schedule=Schedule(weights=(0.05, 1.0), evaluation_period=timedelta(seconds=5), max_extensions=0),
        phase=phase,
        stable=None,
        requested_by="erin",
        started_at=datetime(2026, 1, 15, tzinfo=UTC),
        reason="too little data",
    )


def test_a_release_that_succeeded_is_one() -> None:
    require_released(ended(RolloutPhase.SUCCEEDED))


@pytest.mark.parametrize(
    ("phase", "hint"),
    [
        (RolloutPhase.PAUSED, "triage release email_classifier --resume email_classifier-2-abc"),
        (RolloutPhase.ROLLED_BACK, "triage measurements email_classifier"),
        (RolloutPhase.FAILED, "triage measurements email_classifier"),
    ],
)
def test_one_that_halted_says_why_and_what_can_be_done(phase: RolloutPhase, hint: str) -> None:
    with pytest.raises(ReleaseHalted, match=f"email_classifier/2 {phase}: too little data") as halted:
        require_released(ended(phase))
    assert hint in halted.value.hint
