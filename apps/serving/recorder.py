"""Appends each answer to the prediction log before its reply leaves, and ships what is closed."""

from collections.abc import Callable
from typing import Protocol

from apps.serving.sampler import Sampler
from libs.common.domain.triage import Email, PredictionEvent, TriageResult
from libs.common.logs import get_logger

logger = get_logger("serving.recorder")


class EventWriter(Protocol):
    """One replica's open segment."""

    def append(self, entry: PredictionEvent) -> object:
        """Write one event; it survives a SIGKILL of this process right after."""
        ...


class Recorder:
    """A replica's hand on the prediction log. Neither a full disk nor an absent object store fails a request."""

    def __init__(
        self,
        writer: EventWriter,
        ship: Callable[[], object],
        on_fault: Callable[[str], None] = lambda kind: None,
        sampler: Sampler | None = None,
    ) -> None:
        self._writer = writer
        self._ship = ship
        self._on_fault = on_fault
        self._sampler = sampler

    def record(self, event: PredictionEvent) -> None:
        """Append ``event``; a failure is counted and logged."""
        try:
            self._writer.append(event)
        except Exception:
            self._on_fault("record")
            logger.exception("the event of request %s could not be written", event.request_id)

    def sample(self, event: PredictionEvent, result: TriageResult, email: Email) -> None:
        """Keep a closer look at the request where it is one of those that are sampled; a failure is counted and logged."""
        if self._sampler is None or not self._sampler.takes(event.request_id):
            return
        try:
            self._sampler.take(event, result, email)
        except Exception:
            self._on_fault("sample")
            logger.exception("the sample of request %s could not be written", event.request_id)

    def ship(self) -> None:
        """Ship what is closed, and what dead replicas left behind; a store that is away is counted and tried again."""
        try:
            self._ship()
        except Exception:
            self._on_fault("ship")
            logger.exception("segments of the prediction log could not be shipped; they stay and are tried again")
