"""The right label for an earlier answer: checked, attributed, and kept once."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from apps.serving.bodies import FeedbackBody
from apps.serving.errors import Unprocessable
from libs.common.domain.audit import Actor
from libs.common.domain.triage import Feedback

ANONYMOUS = "anonymous"


class FeedbackStore(Protocol):
    """The part of the records store that keeps feedback."""

    def add(self, report: Feedback) -> bool:
        """Keep it; False when this reporter has spoken about this request before."""
        ...


class Principals(Protocol):
    """Who may say who they are."""

    def authenticate(self, token: str) -> Actor:
        """The owner of ``token``; NotAuthorised when it is nobody's."""
        ...


class FeedbackDesk:
    """Takes one model's feedback."""

    def __init__(self, model: str, store: FeedbackStore, principals: Principals, clock: Callable[[], datetime]) -> None:
        self._model = model
        self._store = store
        self._principals = principals
        self._clock = clock

    def take(self, said: FeedbackBody, labels: Sequence[str], token: str) -> bool:
        """Keep ``said``; False when it was kept before. Unprocessable for a label that is none of ``labels`` (if known)."""
        if labels and said.label not in labels:
            raise Unprocessable(f"'{said.label}' is no label of {self._model}", f"the labels are {', '.join(labels)}")
        reporter = self._principals.authenticate(token).name if token else ANONYMOUS
        return self._store.add(
            Feedback(
                request_id=said.request_id,
                model=self._model,
                label=said.label,
                reporter=reporter,
                at=self._clock(),
                email=said.email,
            )
        )
