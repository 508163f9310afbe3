"""How the specification writes things: ``2m`` · ``15 minutes`` · ``4GB`` · ``5%`` · ``accuracy < 0.92 for 15 minutes``."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

_SECONDS = {
    "s": 1,
    "second": 1,
    "m": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
    "year": 31_536_000,
}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NAMED_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 604_800, "monthly": 2_592_000}

_QUANTITY = re.compile(r"\s*(?:<\s*)?(\d+(?:\.\d+)?)\s*([A-Za-z%]+)\s*")
_CONDITION = re.compile(r"\s*([a-z]\w*)\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%)?(?:\s+for\s+(.+?))?\s*")


def parse_duration(text: str) -> timedelta:
    """``2m``, ``15 minutes``, ``1 hour``, ``< 30 seconds``, ``daily`` → timedelta; ValueError otherwise."""
    if text in _NAMED_PERIODS:
        return timedelta(seconds=_NAMED_PERIODS[text])
    if match := _QUANTITY.fullmatch(text):
        number, unit = match.groups()
        if unit == "ms":
            return timedelta(milliseconds=float(number))
        seconds = _SECONDS.get(unit) or _SECONDS.get(unit.removesuffix("s"))
        if seconds:
            return timedelta(seconds=float(number) * seconds)
    raise ValueError(f"'{text}' is no duration; write e.g. '30s', '2m', '15 minutes', '1 hour', '30 days' or 'daily'")


def format_duration(duration: timedelta) -> str:
    """The shortest way to write it that ``parse_duration`` reads back: ``90s``, ``2m``, ``30d``, ``500ms``."""
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if duration and not duration % timedelta(seconds=seconds):
            return f"{duration // timedelta(seconds=seconds)}{unit}"
    return f"{duration / timedelta(milliseconds=1):.12g}ms"


def parse_size(text: str) -> int:
    """``4GB`` (decimal) or ``4GiB`` (binary) → bytes; ValueError otherwise."""
    if (match := _QUANTITY.fullmatch(text)) and match[2] in _BYTES:
        return int(float(match[1]) * _BYTES[match[2]])
    raise ValueError(f"'{text}' is no size; write e.g. '512MB', '4GB' or '4GiB'")


def parse_share(text: str | float) -> float:
    """``5%`` or ``0.05`` → 0.05; ValueError outside 0…1."""
    share = float(text[:-1]) / 100 if isinstance(text, str) and text.endswith("%") else float(text)
    if not 0 <= share <= 1:
        raise ValueError(f"'{text}' is no share; write '0%' to '100%' or 0 to 1")
    return share


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of one metric with a limit, which must hold for ``hold`` before it counts."""

    metric: str
    comparison: str
    limit: float
    unit: str = ""
    hold: timedelta = timedelta(0)

    def holds(self, value: float) -> bool:
        """Whether ``value``, in this condition's own unit, meets the comparison."""
        return _OPERATORS[self.comparison](value, self.limit)

    def __str__(self) -> str:
        held = f" for {self.hold.total_seconds():g}s" if self.hold else ""
        return f"{self.metric} {self.comparison} {self.limit:g}{self.unit}{held}"


def parse_condition(text: str) -> Condition:
    """``p95_latency > 500ms for 5 minutes`` → Condition; ValueError otherwise."""
    match = _CONDITION.fullmatch(text)
    if not match:
        raise ValueError(f"'{text}' is no condition; write e.g. 'accuracy < 0.92 for 15 minutes'")
    metric, comparison, limit, unit, hold = match.groups()
    return Condition(metric, comparison, float(limit), unit or "", parse_duration(hold) if hold else timedelta(0))
