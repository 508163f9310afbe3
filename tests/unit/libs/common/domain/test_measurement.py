"""A measurement without a value is not a pass."""

from datetime import UTC, datetime

from libs.common.domain.measurement import Measurement
from libs.common.domain.verdict import Verdict

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_no_value_is_insufficient_data() -> None:
    without = Measurement(model="m", metric="accuracy", start=AT, end=AT, value=None, count=3)
    assert without.verdict is Verdict.INSUFFICIENT_DATA
    assert without.model_copy(update={"value": 0.0}).verdict is Verdict.PASS
