"""How far long work is: e-mails read, of how many, how fast; stages begun. The same words on a terminal, in a log and in the
orchestrator."""

import math
from collections.abc import Callable

from libs.common.domain.value import Value

_BAR_SIGNS = 24


class Progress(Value):
    """``done`` e-mails of ``total`` after ``seconds``."""

    done: int
    total: int
    seconds: float

    @property
    def ended(self) -> bool:
        """Whether all is read."""
        return self.done == self.total

    @property
    def share(self) -> float:
        """How much is done, 0…1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def __str__(self) -> str:
        whole = "" if self.ended else f" of {self.total:,}"
        said = f"read {self.done:,}{whole} e-mails"
        if not (self.done and self.seconds):
            return said
        rate = self.done / self.seconds
        said = f"{said}, {rate:,.0f}/s"
        if self.ended:
            return f"{said}, in {self.seconds:,.0f} s"
        return f"{said}, {max(0, self.total - self.done) / rate:,.0f} s left"


class TrainingProgress(Progress):
    """``done`` of ``total`` stages of a training are behind; ``doing`` is under way."""

    doing: str = ""

    def __str__(self) -> str:
        return f"trained in {self.seconds:,.0f} s" if self.ended else f"{self.doing}, {self.done + 1} of {self.total}"


Watch = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """For who does not want to know."""


def paced(watch: Watch, every_s: float) -> Watch:
    """``watch``, told of the beginning, of the end, and in between at most once in ``every_s`` seconds."""
    told_s = -math.inf

    def tell(progress: Progress) -> None:
        nonlocal told_s
        if progress.ended or progress.seconds - told_s >= every_s:
            told_s = progress.seconds
            watch(progress)

    return tell


def bar(share: float) -> str:
    """A share of 0…1 as a bar of 24 signs."""
    full = round(share * _BAR_SIGNS)
    return "█" * full + "░" * (_BAR_SIGNS - full)
