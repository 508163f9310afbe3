"""A day of one model in a page: what was measured, what was alerted. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from statistics import median

from libs.common.domain.alert import Alert, AlertStatus
from libs.common.domain.measurement import Measurement
from libs.common.domain.value import Value


class MetricSummary(Value):
    """One metric over the day; the figures are None where no window had enough data."""

    windows: int
    windows_with_value: int
    lowest: float | None = None
    median: float | None = None
    highest: float | None = None


class DailyReport(Value):
    """What ``monitor_models`` keeps of a day."""

    model: str
    day: date
    metrics: dict[str, MetricSummary]
    alerts_fired: dict[str, int]


def summarize_day(model: str, day: date, measured: Sequence[Measurement], alerts: Sequence[Alert]) -> DailyReport:
    """The report over the measurements and alerts of that day."""
    by_metric: dict[str, list[float | None]] = defaultdict(list)
    for measurement in measured:
        by_metric[measurement.metric].append(measurement.value)
    fired: dict[str, int] = defaultdict(int)
    for alert in alerts:
        fired[alert.rule] += alert.status is AlertStatus.FIRING
    metrics = {metric: _summarize(values) for metric, values in sorted(by_metric.items())}
    return DailyReport(model=model, day=day, metrics=metrics, alerts_fired=dict(fired))


def _summarize(values: Sequence[float | None]) -> MetricSummary:
    known = [value for value in values if value is not None]
    if not known:
        return MetricSummary(windows=len(values), windows_with_value=0)
    return MetricSummary(
        windows=len(values), windows_with_value=len(known), lowest=min(known), median=median(known), highest=max(known)
    )
