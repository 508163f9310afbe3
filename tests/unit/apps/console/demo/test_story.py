"""The story is told step by step and stops where it breaks; waiting has an end; the home is the demo's alone."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from rich.console import Console

from apps.console.demo.context import Demo
from apps.console.demo.demo_home import MARKER, fresh_home
from apps.console.demo.gather import limits_of, logged
from apps.console.demo.story import STORY, Step, tell
from apps.console.demo.waiting import until
from apps.console.demo.webhook import AlertReceiver
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.errors import StoreError, TriageError


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(Home(tmp_path), "synthetic://", None, cast(Any, None), tell=lambda text: None)


def test_every_step_is_told_with_its_outcome(demo: Demo) -> None:
    page = io.StringIO()
    done: list[str] = []
    story = [Step(name, lambda _, name=name: done.append(name) or f"{name} [is] done") for name in ("one", "two")]
    assert tell(story, demo, Console(file=page, width=100))
    assert done == ["one", "two"]
    assert "one [is] done" in page.getvalue()
    assert "2/2 two" in page.getvalue()


def test_the_first_step_that_fails_ends_the_story_and_says_why(demo: Demo) -> None:
    page = io.StringIO()

    def fail(_: Demo) -> str:
        raise TriageError("the slot [v3] did not come up", "look at its log")

    def never(_: Demo) -> str:
        raise AssertionError

    assert not tell([Step("release", fail), Step("after", never)], demo, Console(file=page, width=100))
    assert "the slot [v3] did not come up" in page.getvalue()
    assert "look at its log" in page.getvalue()


def test_steps_have_distinct_titles() -> None:
    assert len({step.title for step in STORY}) == len(STORY) > 12


def test_waiting_returns_what_it_finds_and_raises_when_time_is_over() -> None:
    looks = iter([None, False, "found"])
    assert until("the answer", lambda: next(looks), 5) == "found"
    with pytest.raises(TriageError, match=r"the answer: not within 0\.1 s"):
        until("the answer", lambda: None, 0.1)


def test_steps_before_the_platform_is_up_say_so(demo: Demo) -> None:
    with pytest.raises(TriageError, match="the platform is not up"):
        _ = demo.session
    with pytest.raises(TriageError, match="there is no traffic yet"):
        _ = demo.load


def test_a_demo_home_is_emptied_and_a_strange_folder_is_left_alone(state_home: Path) -> None:
    home = fresh_home()
    (home.root / "old").touch()
    assert not (fresh_home().root / "old").exists()
    (state_home / MARKER).unlink()
    (state_home / "precious").touch()
    with pytest.raises(StoreError, match="is no demo's home"):
        fresh_home()
    assert (state_home / "precious").exists()


def test_the_webhook_takes_alerts_and_nothing_else() -> None:
    alert = Alert(
        rule="data_drift_detected",
        model="m",
        severity=Severity.MEDIUM,
        status=AlertStatus.FIRING,
        value=0.2,
        condition="drift_score > 0.1",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    body = {"key": alert.key, **alert.model_dump(mode="json")}
    with AlertReceiver() as receiver, httpx.Client(trust_env=False) as client:
        assert client.post(receiver.url, json=body).status_code == 204
        assert client.post(receiver.url, json={"rule": "x"}).status_code == 400
        assert client.post(receiver.url, content=b"[1]").status_code == 400
        assert client.post(receiver.url.rpartition("/")[0] + "/guess", json=body).status_code == 404
        assert receiver.alerts == [alert]


@pytest.mark.parametrize(
    ("answered", "found", "twice_and_missing"),
    [(["a", "b"], ["b", "a", "c"], (0, 0)), (["a", "b"], ["a", "a", "a"], (2, 1)), ([], [], (0, 0))],
)
def test_the_log_is_compared_with_the_answers(
    answered: list[str], found: list[str], twice_and_missing: tuple[int, int]
) -> None:
    assert logged(answered, found) == twice_and_missing


def test_the_plots_draw_the_limits_of_the_rules(repo: Path) -> None:
    limits = limits_of(load_config("demo", repo))
    assert (limits.accuracy, limits.drift_alert, limits.drift_retrain, limits.latency_ms) == (0.92, 0.1, 0.15, 500)
