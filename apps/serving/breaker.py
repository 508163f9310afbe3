"""A circuit breaker: after some failures in a row nobody waits for the candidate again until it has had time to recover."""

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Open after ``failures_to_open`` failures in a row; then one attempt every ``cool_off_s`` seconds. Times in seconds."""

    failures_to_open: int = 3
    cool_off_s: float = 1.0
    failures: int = 0
    retry_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether to try at ``now``; while open, saying yes books the attempt."""
        if self.failures < self.failures_to_open:
            return True
        if now < self.retry_at:
            return False
        self.retry_at = now + self.cool_off_s
        return True

    def succeed(self) -> None:
        """An attempt worked: closed again."""
        self.failures = 0

    def fail(self, now: float) -> None:
        """An attempt failed."""
        self.failures += 1
        self.retry_at = now + self.cool_off_s
