"""What a task of ours raised reaches the user as itself, however it is wrapped; what Ray raised is said in a line."""

import os

import pytest

from libs.common.errors import ConfigError, DataError, StoreError, TriageError
from libs.common.stores.orchestrator import join_or_start_ray, own_error, start_ray


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


def test_a_ray_that_does_not_start_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def too_slow(**_: object) -> None:
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", too_slow)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(StoreError, match="Ray did not start: The current node timed out during startup"):
        join_or_start_ray()


@pytest.mark.parametrize("named", [None, "http://127.0.0.1:8265"])
def test_a_ray_without_a_dashboard_names_nobody_elses(named: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    name = "RAY_API_SERVER_ADDRESS"
    if named:
        monkeypatch.setenv(name, named)
    else:
        monkeypatch.delenv(name, raising=False)
    found: list[str | None] = []
    monkeypatch.setattr(ray, "init", lambda **_: found.append(os.environ.get(name)))
    start_ray()
    assert found == ["http://127.0.0.1:9"]
    assert os.environ.get(name) == named
