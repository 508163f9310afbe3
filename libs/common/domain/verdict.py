"""The answer of a test. Too little evidence is an answer of its own, never a pass."""

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    INSUFFICIENT_DATA = "insufficient_data"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL over INSUFFICIENT_DATA over INCONCLUSIVE over PASS; no verdict at all is INSUFFICIENT_DATA."""
    order = (Verdict.FAIL, Verdict.INSUFFICIENT_DATA, Verdict.INCONCLUSIVE, Verdict.PASS)
    return min(verdicts, key=order.index, default=Verdict.INSUFFICIENT_DATA)
