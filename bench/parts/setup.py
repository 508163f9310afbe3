"""What every part stands on: who takes part, with which artifacts, and which e-mails are sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from bench.contestants.lineup import CONTESTANTS, PRODUCT, Started, started
from bench.load.bodies import Bodies, body_of
from bench.load.closed_loop import run_closed
from libs.common.domain.triage import Email
from libs.common.http_calls import http
from libs.common.models.artifact import load_classifier
from libs.common.models.base import answers

_COMPARED = 20
_WARM_UP_S = 1.0
_CALM_WITHIN_S, _LOOKED_AT_S, _IDLE = 30.0, 2.0, 0.3
_SETTLES_WITHIN_S, _AT_ONCE_S = 15.0, 0.1


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long a run of each kind of load lasts."""

    closed: float
    open: float
    cascade: float
    overload: float


@dataclass(frozen=True)
class Setup:
    """``arms`` is the folder of the artifacts, one an arm; ``python`` the interpreter of the peers' own environment."""

    arms: Path
    python: Path
    peers: tuple[str, ...]
    bodies: Bodies
    rounds: int
    seconds: Seconds

    @property
    def names(self) -> tuple[str, ...]:
        """Everyone, the product last."""
        return *self.peers, PRODUCT

    def turns(self, number: int) -> tuple[str, ...]:
        """Everyone in the order of round ``number``: there and back, as the machine changes its pace meanwhile."""
        return self.names if number % 2 == 0 else self.names[::-1]

    @contextmanager
    def started(self, name: str, arm: str) -> Iterator[Started]:
        """``name`` with the artifact of ``arm``, warm; ends the benchmark where it answers otherwise than the bare engine."""
        with started(CONTESTANTS[name], self.python, self.arms / arm, self.bodies.first) as one:
            await_calm(one)
            run_closed(one.url, 8, _WARM_UP_S, self.bodies.path)
            self._require_right_answers(one, arm)
            yield one

    def settle(self, one: Started) -> None:
        """Wait a while until ``one`` has done with what earlier load left, and answers at once."""
        give_up = time.monotonic() + _SETTLES_WITHIN_S
        while time.monotonic() < give_up and not self._answers_at_once(one):
            pass

    def _answers_at_once(self, one: Started) -> bool:
        try:
            http().post(one.url, content=self.bodies.first, headers=_JSON, timeout=_AT_ONCE_S)
        except httpx.TimeoutException:
            return False
        return True

    def _require_right_answers(self, one: Started, arm: str) -> None:
        emails = self.bodies.emails[:_COMPARED]
        with httpx.Client(trust_env=False) as client:
            replies = [client.post(one.url, content=body_of(email), headers=_JSON).raise_for_status() for email in emails]
        said = [reply.json()["label"] for reply in replies]
        if wrong := sum(ours != theirs for ours, theirs in zip(_labels(self.arms / arm, emails), said, strict=True)):
            raise SystemExit(f"{one.name} answers {wrong} of {len(emails)} e-mails otherwise than the bare {arm} engine")


def await_calm(one: Started) -> None:
    """Wait, half a minute at most, until what ``one`` still does about its start is over, and it idles."""
    give_up = time.monotonic() + _CALM_WITHIN_S
    while time.monotonic() < give_up:
        before = one.cpu_s()
        time.sleep(_LOOKED_AT_S)
        if one.cpu_s() - before < _IDLE * _LOOKED_AT_S:
            return


_JSON = {"Content-Type": "application/json"}


@cache
def _labels(artifact: Path, emails: tuple[Email, ...]) -> list[str]:
    engine = load_classifier(artifact)
    return [one.label for one in answers(engine.labels, engine.predict(emails))]
