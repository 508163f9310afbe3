"""The stages of a training, told as each begins."""

import time
from collections.abc import Callable

from libs.common.domain.progress import TrainingProgress, Watch


class Stages:
    """A training of ``total`` stages, one after the other; ``watch`` is told as each begins, and at the end."""

    def __init__(self, watch: Watch, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._watch, self._total, self._clock, self._began = watch, total, clock, clock()
        self._begun = 0

    def begin(self, doing: str) -> None:
        """The stage before is over."""
        self._tell(self._begun, doing)
        self._begun += 1

    def end(self) -> None:
        """So is the last one."""
        self._tell(self._total, "")

    def _tell(self, done: int, doing: str) -> None:
        self._watch(TrainingProgress(done=done, total=self._total, seconds=self._clock() - self._began, doing=doing))
