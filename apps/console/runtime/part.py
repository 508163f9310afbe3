"""One part of the platform, as it is to be started and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.console.runtime.health import Check

MARK = "TRIAGE_PART"  # in the environment of a part's process and of all that it starts


@dataclass(frozen=True)
class Part:
    """One part; a front door (``deploys``) runs to its end, and what it put on Ray is what is healthy or not.

    A process that ends before it is healthy is started again until ``attempts`` are made.
    """

    name: str
    argv: tuple[str, ...]
    variables: Mapping[str, str]
    check: Check
    url: str = ""
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    needs: tuple[str, ...] = ()
    deploys: bool = False
    deadline_s: float = 120
    grace_s: float = 10
    attempts: int = 1
