"""The daily report counts what had too little data apart from what was measured."""

from datetime import UTC, date, datetime

from apps.monitoring.daily import summarize_day
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.domain.measurement import Measurement

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def measured(metric: str, value: float | None) -> Measurement:
    return Measurement(model="m", metric=metric, start=NOON, end=NOON, value=value, count=10)


def alert(status: AlertStatus) -> Alert:
    return Alert(
        rule="slow", model="m", severity=Severity.HIGH, status=status, value=1.0, condition="p95_latency > 500ms", at=NOON
    )


def test_a_day_is_summarized_by_metric_and_rule() -> None:
    values = [measured("accuracy", value) for value in (0.9, None, 0.94, 0.92)]
    alerts = [alert(AlertStatus.FIRING), alert(AlertStatus.RESOLVED), alert(AlertStatus.FIRING)]
    report = summarize_day("m", date(2026, 3, 1), [*values, measured("drift_score", None)], alerts)
    accuracy = report.metrics["accuracy"]
    assert (accuracy.windows, accuracy.windows_with_value) == (4, 3)
    assert (accuracy.lowest, accuracy.median, accuracy.highest) == (0.9, 0.92, 0.94)
    assert report.metrics["drift_score"].median is None
    assert report.alerts_fired == {"slow": 2}
