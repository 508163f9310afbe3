"""What was measured over a window of traffic: a figure, how sure it is, and how much it rests on."""

from datetime import datetime

from libs.common.domain.value import Value
from libs.common.domain.verdict import Verdict

# What is measured of each model, and in which unit; shares in 0…1 have none. Alert conditions may name these.
METRICS = {
    "accuracy": "",
    "p50_latency": "ms",
    "p95_latency": "ms",
    "p99_latency": "ms",
    "requests_per_second": "1/s",
    "error_rate": "",
    "drift_score": "",
}


class Measurement(Value):
    """One metric over one window. ``value`` is None where the data did not suffice; ``low`` and ``high`` bound it at 95 %.

    ``count`` is what the figure rests on: labels for accuracy, requests for latency, e-mails for drift.
    """

    model: str
    metric: str
    start: datetime
    end: datetime
    value: float | None
    count: int
    low: float | None = None
    high: float | None = None
    unit: str = ""
    detail: dict[str, float] = {}

    @property
    def verdict(self) -> Verdict:
        """INSUFFICIENT_DATA without a value, else PASS: a measurement by itself judges nothing else."""
        return Verdict.INSUFFICIENT_DATA if self.value is None else Verdict.PASS
