"""Health checks say what is wrong, in words."""

import json
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from apps.console.runtime.health import all_of, answers, application_runs, beats, ray_is_up


class Answers(BaseHTTPRequestHandler):
    """Answers each path with what the test put there, else 404."""

    pages: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        """Answer in JSON."""
        page = self.pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def pages() -> dict[str, object]:
    """What the server shows, by path."""
    Answers.pages.clear()
    return Answers.pages


@pytest.fixture
def url(pages: dict[str, object]) -> Iterator[str]:
    """A server on the loopback."""
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_that_answers_is_healthy_and_any_other_is_named(url: str, pages: dict[str, object]) -> None:
    pages["/healthz"] = "ok"
    assert answers(url, "/healthz")() is None
    assert answers(url, "/other")() == f"{url}/other answers 404"
    assert "does not answer" in str(answers("http://127.0.0.1:9", "/")())


def test_ray_is_up_with_a_living_node_and_serves_own_interface(url: str, pages: dict[str, object]) -> None:
    pages["/nodes?view=summary"] = {"data": {"summary": [{"raylet": {"state": "DEAD"}}]}}
    assert "no node" in str(ray_is_up(url)())
    pages["/nodes?view=summary"] = {"data": {"summary": [{"raylet": {"state": "ALIVE"}}]}}
    assert "answers 404" in str(ray_is_up(url)())
    pages["/api/serve/applications/"] = {"applications": {}}
    assert ray_is_up(url)() is None


def test_an_application_is_healthy_only_while_it_runs(url: str, pages: dict[str, object]) -> None:
    pages["/api/serve/applications/"] = {"applications": {"a": {"status": "RUNNING"}, "b": {"status": "DEPLOYING"}}}
    assert application_runs(url, "a")() is None
    assert application_runs(url, "b")() == "the Serve application b is DEPLOYING"
    assert application_runs(url, "c")() == "the Serve application c is not deployed"


@pytest.mark.parametrize(
    ("beat", "fault"),
    [
        ({"pid": os.getpid(), "age": 0}, None),
        ({"pid": os.getpid(), "age": 60}, "has not beaten for 60 s"),
        ({"pid": -1, "age": 0}, "has not registered the flows yet"),
        (None, "has not registered the flows yet"),
    ],
)
def test_a_heartbeat_counts_while_it_is_fresh_and_of_this_process(
    tmp_path: Path, beat: dict[str, int] | None, fault: str | None
) -> None:
    heartbeat = tmp_path / "heartbeat"
    if beat:
        heartbeat.write_text(json.dumps({"pid": beat["pid"], "at": time.time() - beat["age"]}))
    assert beats(heartbeat, os.getpid)() == fault


def test_the_first_fault_of_several_checks_is_told() -> None:
    assert all_of(lambda: None, lambda: "first", lambda: "second")() == "first"
    assert all_of(lambda: None)() is None
