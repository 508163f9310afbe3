"""The load cut into stretches of time: who answered, how often rightly, and how fast."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from apps.console.demo.load_records import Kind, SentRequest
from libs.common.stats.intervals import Interval, wilson_interval

_WIDTHS_S = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of ``count`` trials with its 95 % bounds."""

    right: int
    count: int

    @property
    def value(self) -> float:
        """The share; 0 of none."""
        return self.right / self.count if self.count else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's bounds."""
        return wilson_interval(self.right, self.count)


def share_right(answers: Iterable[SentRequest]) -> Share:
    """The share of right answers. An e-mail that was sent again to the same version says nothing new, so it counts once."""
    first: dict[tuple[str, str, str], bool] = {}
    for request in answers:
        first.setdefault((request.version, request.part, request.mail or request.request_id), request.right)
    return Share(sum(first.values()), len(first))


@dataclass(frozen=True, slots=True)
class Stretch:
    """The e-mails that were due from ``start`` up to ``end`` (seconds since the epoch)."""

    start: float
    end: float
    emails: tuple[SentRequest, ...]

    @property
    def answered(self) -> list[SentRequest]:
        """Those that got an answer."""
        return [request for request in self.emails if not request.failed]

    @property
    def failed(self) -> int:
        """How many got none."""
        return sum(request.failed for request in self.emails)

    def accuracy(self, version: str | None = None) -> Share:
        """The share of right answers, of one version where it is named."""
        return share_right(request for request in self.answered if version in (None, request.version))

    def traffic(self) -> dict[str, float]:
        """The share of the answers that each version gave."""
        counts = Counter(request.version for request in self.answered)
        return {version: times / counts.total() for version, times in sorted(counts.items())}

    def latency_ms(self, quantile: float) -> float:
        """A quantile of the latencies; NaN without an answer."""
        latencies = [request.latency_ms for request in self.answered]
        return float(np.quantile(latencies, quantile)) if latencies else float("nan")


def stretch(requests: Iterable[SentRequest], start: float, end: float) -> Stretch:
    """One stretch."""
    due = (request for request in requests if request.kind is Kind.CLASSIFY and start <= request.due_at < end)
    return Stretch(start, end, tuple(due))


def stretches(requests: Sequence[SentRequest], at_most: int) -> list[Stretch]:
    """The whole load in stretches of the same round width, ``at_most`` of them; those without an e-mail are left out."""
    if not requests:
        return []
    began = min(request.due_at for request in requests)
    length = max(request.due_at for request in requests) - began
    width = next((width for width in _WIDTHS_S if length / width <= at_most), ceil(length / at_most))
    found: dict[int, list[SentRequest]] = {}
    for request in requests:
        if request.kind is Kind.CLASSIFY:
            found.setdefault(int((request.due_at - began) // width), []).append(request)
    return [Stretch(began + number * width, began + (number + 1) * width, tuple(due)) for number, due in sorted(found.items())]
