"""The load in its own process, against a real HTTP server: it can be changed and ended, and it ends with whoever started it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from apps.console.demo.load import LoadPlan
from apps.console.demo.load_process import LoadProcess
from apps.console.demo.load_records import Kind, RequestFile
from apps.console.demo.mail_stream import MailFolder
from apps.console.demo.waiting import until
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import TriageError


class Service(BaseHTTPRequestHandler):
    """Answers as the product does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        feedback = self.path == "/v1/feedback"
        said = {} if feedback else {"request_id": self.headers["x-request-id"], "label": body["subject"], "outcome": "ok"}
        reply = json.dumps(said).encode()
        self.send_response(202 if feedback else 200)
        self.send_header("content-length", str(len(reply)))
        self.send_header("x-model-version", "1")
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    folder = MailFolder(tmp_path / "mails")
    for part in ("calm", "drifted"):
        folder.write(
            part, [LabelledEmail(Email(f"<{n}@{part}>", "a@b.c", "billing", "hello"), "billing", "") for n in range(50)]
        )
    return tmp_path / "mails"


def test_a_load_is_changed_and_ended_and_every_request_is_written_down(url: str, mails: Path, tmp_path: Path) -> None:
    plan = LoadPlan(url, "calm", rate=100, seconds=60, feedback_share=0.5, feedback_delay_s=0.05)
    load = LoadProcess(plan, mails, tmp_path / "requests.jsonl")
    until("calm answers", lambda: len(load.requests()) > 30, 30)
    load.change(part="drifted")
    until("drifted answers", lambda: any(each.part == "drifted" for each in load.requests()), 30)
    counts = load.end()
    assert (counts.failed, counts.answered_twice, counts.strayed, counts.unversioned) == (0, 0, 0, 0), counts.problems
    assert counts.feedback > 5
    assert counts.by_version == {"1": counts.emails}
    requests = load.requests()
    asked = {each.request_id for each in requests if each.kind is Kind.CLASSIFY}
    assert len(asked) == counts.emails
    assert {each.request_id for each in requests if each.kind is Kind.FEEDBACK} <= asked
    assert all(each.right and each.mail.endswith(f"@{each.part}>") for each in requests if each.kind is Kind.CLASSIFY)


def test_a_load_ends_when_the_story_that_started_it_dies(url: str, mails: Path, tmp_path: Path) -> None:
    plan = json.dumps(asdict(LoadPlan(url, "calm", rate=50, seconds=600)))
    records = tmp_path / "requests.jsonl"
    # What kills the story closes the pipe that the load listens to; the load itself gets no signal.
    argv = [sys.executable, "-m", "apps.console.demo.load_process", plan, str(mails), str(records)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE)
    until("some answers", lambda: len(RequestFile(records).requests()) > 5, 30)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_a_change_that_makes_no_sense_is_an_error(url: str, mails: Path, tmp_path: Path) -> None:
    load = LoadProcess(LoadPlan(url, "calm", rate=50, seconds=600), mails, tmp_path / "requests.jsonl")
    load.change(rate=-1)
    until("the end of the load", lambda: not load.running, 30)
    with pytest.raises(TriageError, match="ended with status 1"):
        load.end()
    assert "the rate goes up to 1000" in (tmp_path / "requests.log").read_text()


def test_a_service_that_is_not_there_fails_every_request(mails: Path, tmp_path: Path) -> None:
    plan = LoadPlan("http://127.0.0.1:9", "calm", rate=50, seconds=60, max_requests=20)
    load = LoadProcess(plan, mails, tmp_path / "requests.jsonl")
    until("the end of the load", lambda: not load.running, 30)
    counts = load.end()
    assert (counts.emails, counts.failed) == (20, 20)
    assert all("ConnectError" in problem for problem in counts.problems)
