"""Whether `triage promote` was refused, so that a script can trust its exit status."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.console.commands.promotions import refused_since
from libs.common.domain.model import Stage
from libs.common.domain.promotion import Promotion, PromotionOutcome

BEGUN = datetime(2026, 1, 15, 9, tzinfo=UTC)


def decided(outcome: PromotionOutcome, after: timedelta) -> Promotion:
    return Promotion(
        id="p1",
        model="email_classifier",
        version="1",
        stage=Stage.DEVELOPMENT,
        requested_by="erin",
        requested_at=BEGUN,
        outcome=outcome,
        decided_at=BEGUN + after,
    )


@pytest.mark.parametrize(
    ("outcome", "after_s", "expected"),
    [
        (PromotionOutcome.REFUSE, 5, True),
        (PromotionOutcome.REFUSE, -5, False),  # an earlier attempt
        (PromotionOutcome.PROMOTE, 5, False),
        (PromotionOutcome.WAIT, 5, False),
    ],
)
def test_only_a_refusal_of_this_very_request_counts(outcome: PromotionOutcome, after_s: int, expected: bool) -> None:
    assert refused_since(BEGUN, [decided(outcome, timedelta(seconds=after_s))]) is expected
