"""Trainings on demand: who may start, follow and cancel them. A training is a run of the flow ``train_model``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, get_args

from apps.training.evaluation.select import SIMPLEST_FIRST
from libs.common.config.training import ProfileName, SummarizerName
from libs.common.desk import Note, Principals, Unprocessable, require_worker
from libs.common.domain.model import SUMMARIZER
from libs.common.domain.value import Value
from libs.common.errors import ServingError
from libs.common.stores.orchestrator import FlowRun

FLOW = "train_model"


class TrainingNotFound(ServingError):
    """No such training."""

    status: ClassVar[int] = 404


class TrainingOrder(Value):
    """What is to be trained; the configured families and profile where none is named, ``tuned`` with the options last found."""

    model: str = "email_classifier"
    dataset: str = "emails"
    version: str = "latest"
    families: tuple[str, ...] = ()
    seed: int = 0
    tuned: bool = False
    profile: ProfileName | Literal[""] = ""


class Flows(Protocol):
    """The part of the orchestrator that runs trainings."""

    def start_flow(self, name: str, parameters: dict[str, Any], idempotency_key: str | None = None) -> str:
        """Start it; a known key returns the run that it started before."""
        ...

    def runs_of(self, name: str, limit: int) -> list[FlowRun]:
        """The newest runs."""
        ...

    def run_of(self, name: str, run_id: str) -> FlowRun | None:
        """One run; None where the flow has no such run."""
        ...

    def logs(self, flow_run_id: str) -> list[str]:
        """What it logged."""
        ...

    def cancel(self, flow_run_id: str) -> bool:
        """End it; False where it has ended."""
        ...


class TrainingDesk:
    """Takes orders; every method takes the caller's token, NotAuthorised where it is nobody's."""

    def __init__(self, flows: Flows, principals: Principals, note: Note, clock: Callable[[], datetime]) -> None:
        self._flows = flows
        self._principals = principals
        self._note = note
        self._clock = clock

    def start(self, token: str, order: TrainingOrder, key: str = "") -> FlowRun:
        """Start a training; the same ``key`` of the same caller returns the one it started, Unprocessable for another order."""
        actor = require_worker(self._principals, token)
        known: tuple[str, ...] = get_args(SummarizerName) if order.model == SUMMARIZER else SIMPLEST_FIRST
        if unknown := sorted(set(order.families) - set(known)):
            raise Unprocessable(f"{order.model} has no family '{unknown[0]}'", f"write some of {', '.join(known)}")
        parameters = order.model_dump(mode="json")
        run = self._run(self._flows.start_flow(FLOW, parameters, f"training-{actor.name}-{key}" if key else None))
        if any(run.parameters.get(name) != value for name, value in parameters.items()):
            raise Unprocessable(f"Idempotency-Key '{key}' was used for another order", f"it started {run.id}; use a new key")
        self._note(actor, "training_ordered", run.id, parameters, self._clock())
        return run

    def list(self, token: str, limit: int) -> Sequence[FlowRun]:
        """The newest trainings, whoever started them."""
        self._principals.authenticate(token)
        return self._flows.runs_of(FLOW, limit)

    def get(self, token: str, training: str) -> FlowRun:
        """One training; TrainingNotFound where there is none."""
        self._principals.authenticate(token)
        return self._run(training)

    def logs(self, token: str, training: str) -> Sequence[str]:
        """What it logged, oldest first."""
        return self._flows.logs(self.get(token, training).id)

    def cancel(self, token: str, training: str) -> FlowRun:
        """End it; one that has ended stays as it is."""
        actor = require_worker(self._principals, token)
        if self._flows.cancel(self._run(training).id):
            self._note(actor, "training_cancelled", training, {}, self._clock())
        return self._run(training)

    def _run(self, training: str) -> FlowRun:
        if run := self._flows.run_of(FLOW, training):
            return run
        raise TrainingNotFound(f"there is no training {training}", "GET /v1/trainings lists them")
