"""What a task of ours raised reaches the user as itself, however it is wrapped; what Ray raised is said in a line."""

from libs.common.errors import ConfigError, DataError, TriageError
from libs.common.stores.orchestrator import own_error


class Wrapped(Exception):
    """As Ray does it: the error of the task is an attribute."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("a traceback")
        self.cause = cause


class OfBothTypes(Wrapped, DataError):
    """As Ray does it besides: its wrapping is an error of the task's own type."""


def chained(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def test_our_own_error_is_found_below_any_wrapping() -> None:
    for own in (DataError("m.csv is damaged", "mend it"), ConfigError(["a fault"])):
        for found in (own, Wrapped(own), OfBothTypes(own), chained(RuntimeError(), Wrapped(chained(ValueError(), own)))):
            told = own_error(found, "reading")
            assert (type(told), str(told)) == (type(own), str(own))


def test_what_is_not_ours_says_what_failed_and_ends_with_what_ray_says() -> None:
    told: TriageError = own_error(RuntimeError("a traceback\nthe actor died\n"), "reading")
    assert isinstance(told, DataError)
    assert told.message == "reading failed: the actor died"
