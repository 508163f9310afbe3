"""Every error that users may see.

TriageError(message, hint)
├── ConfigError            all faults of all files, in one list
├── DataError              a source, row or dataset that cannot be used
├── ModelError
│   ├── ModelNotFound
│   ├── ModelCorrupt       a digest does not match
│   └── ModelUntrusted     a file holds what we refuse to load, or nobody we trust signed it
├── ServingError           .status: the HTTP status of the reply
│   ├── BadRequest         400
│   ├── QueueFull          429
│   ├── Unavailable        503
│   └── Timeout            504
├── PromotionRefused
├── NotAuthorised
└── StoreError             an outside service failed or holds what we cannot read

A message says where and what was found; the hint says what to write or run instead.
"""

from collections.abc import Sequence
from copy import copy
from typing import ClassVar


class TriageError(Exception):
    """Base of every error that is the user's to read: prints as ``message`` and, below it, ``hint``."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class ConfigError(TriageError):
    """All faults found in the configuration, each as ``file: key: what was found, what to write``."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listing = "\n".join(f"  - {fault}" for fault in self.faults)
        super().__init__(f"{len(self.faults)} fault(s) in the configuration:\n{listing}")

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[tuple[str, ...]]]:
        return type(self), (self.faults,)


class DataError(TriageError):
    """A source, a row or a dataset cannot be used."""


class ModelError(TriageError):
    """A model cannot be found, read or trusted."""


class ModelNotFound(ModelError):
    """No such model, version or alias."""


class ModelCorrupt(ModelError):
    """A file of the model does not match its digest."""


class ModelUntrusted(ModelError):
    """A file of the model holds types or formats that are never loaded, or the model lacks the signature it must have."""


class ServingError(TriageError):
    """A request could not be answered; ``status`` is the HTTP status of the reply."""

    status: ClassVar[int] = 500


class BadRequest(ServingError):
    """The request itself cannot be understood."""

    status = 400


class QueueFull(ServingError):
    """Too many requests wait already."""

    status = 429


class Unavailable(ServingError):
    """No model is live, or the replica is leaving."""

    status = 503


class Timeout(ServingError):
    """The deadline passed before the answer was ready."""

    status = 504


class PromotionRefused(TriageError):
    """A promotion or release was asked for that the rules do not allow."""


class ReleaseHalted(TriageError):
    """A release stopped before the version under test answered everything."""


class NotAuthorised(TriageError):
    """The token is unknown, or its owner lacks the role."""


class StoreError(TriageError):
    """An outside service failed, or holds what we cannot read."""


def own_cause(error: BaseException) -> TriageError | None:
    """Our own error that was raised elsewhere, from below whatever a library has wrapped it in; None where there is none."""
    cause: BaseException | None = error
    while cause is not None:
        # Ray's wrapping is of the type of what it wraps, and says a traceback: what has a cause is not yet our own.
        inner: BaseException | None = getattr(cause, "cause", None)
        if inner is None and isinstance(cause, TriageError):
            return copy(cause)
        cause = inner or cause.__cause__
    return None
