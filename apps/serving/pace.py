"""How fast an engine is, learned from its batches, so that how long a newcomer would wait is known before it waits."""

from collections import deque
from statistics import median

# One batch that stalled, or one monstrous mail, says nothing of the next; five in nine do.
LATEST = 9


class Pace:
    """Seconds an e-mail: the median of the latest batches, zero until there was one."""

    def __init__(self) -> None:
        self.seconds_each = 0.0
        self._latest: deque[float] = deque(maxlen=LATEST)

    def learn(self, emails: int, seconds: float) -> None:
        """A batch of ``emails`` took ``seconds``."""
        self._latest.append(seconds / emails)
        self.seconds_each = median(self._latest)
