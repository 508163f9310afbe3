"""Appends each answer to the prediction log before its reply leaves, and ships what is closed.

On a full disk samples are given up first, then events; replies never.
"""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from apps.serving.sampler import Sampler
from libs.common.domain.triage import Email, PredictionEvent, TriageResult
from libs.common.logs import get_logger

logger = get_logger("serving.recorder")

_WORDS = {"record": "prediction events", "sample": "detailed samples"}


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
        self._lost: Counter[str] = Counter()
        self._lost_before: Counter[str] = Counter()

    @property
    def degraded(self) -> tuple[str, ...]:
        """What the disk does not take at present, in words: samples, or events and samples; empty when all is well."""
        return tuple(_WORDS[kind] for kind in sorted(self._lost))

    def record(self, event: PredictionEvent) -> None:
        """Append ``event``; a failure is counted and logged."""
        self._attempt("record", event.request_id, lambda: self._writer.append(event))

    def sample(self, event: PredictionEvent, result: TriageResult, email: Email) -> None:
        """Keep a closer look at the request where it is one of those that are sampled; a failure is counted and logged."""
        sampler = self._sampler
        if sampler is not None and sampler.takes(event.request_id):
            self._attempt("sample", event.request_id, lambda: sampler.take(event, result, email))

    def _attempt(self, kind: str, request_id: str, write: Callable[[], object]) -> None:
        try:
            write()
        except Exception as error:
            self._on_fault(kind)
            if not isinstance(error.__cause__, OSError):
                logger.exception("request %s: the %s could not be written", request_id, kind)
                return
            if kind not in self._lost:  # once: a line for each would fill the disk that is full
                logger.error("%s are lost until there is room: %s", _WORDS[kind], error)
            self._lost[kind] += 1
            return
        if kind in self._lost:
            self._regain(kind)

    def _regain(self, kind: str) -> None:
        logger.info("%s are written again; %d were lost", _WORDS[kind], self._lost.pop(kind, 0))

    def _look_again(self) -> None:
        """What has lost nothing since the last time is well, as far as anybody can tell: without traffic nothing is tried."""
        for kind in [kind for kind, lost in list(self._lost.items()) if lost == self._lost_before[kind]]:
            self._regain(kind)
        self._lost_before = self._lost.copy()

    def ship(self) -> None:
        """Ship what is closed, and what dead replicas left behind; a store that is away is counted and tried again."""
        self._look_again()
        try:
            self._ship()
        except Exception:
            self._on_fault("ship")
            logger.exception("segments of the prediction log could not be shipped; they stay and are tried again")
