"""Flows on a real Prefect server: started by name, suspended and resumed, and what is left when processes are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_server

import psutil
import pytest

from libs.common.errors import StoreError
from libs.common.stores.orchestrator import Orchestrator

REPO = Path(__file__).resolve().parents[2]


def until(holds: Callable[[], object], within_s: float = 180) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.1)


class Service:
    """One process of the test's own, in a session of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.command, self.environment, self.log = command, environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; a service that was killed may start again."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=os.environ | self.environment, cwd=REPO, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to this one process, and wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Orchestrator]]:
    """A Prefect server over SQLite."""
    folder = tmp_path_factory.mktemp("prefect")
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    service = Service(command, {"PREFECT_HOME": str(folder)}, folder / "server.log")
    orchestrator = Orchestrator(f"http://127.0.0.1:{port}/api")
    service.start()
    until(orchestrator.healthy, 90)
    yield service, orchestrator
    service.kill()


@pytest.fixture(scope="module")
def flows(server: tuple[Service, Orchestrator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The process that serves the small flows; its log stands beside its heartbeat."""
    folder = tmp_path_factory.mktemp("flows")
    environment = {"PREFECT_API_URL": server[1].api_url, "PREFECT_HOME": str(folder)}
    command = [sys.executable, "-m", "tests.integration.small_flows", str(folder / "heartbeat")]
    service = Service(command, environment, folder / "flows.log")
    service.start()
    until((folder / "heartbeat").exists)
    yield service
    service.kill(signal.SIGTERM)


@pytest.fixture
def orchestrator(server: tuple[Service, Orchestrator], flows: Service) -> Orchestrator:
    """The orchestrator, with the flows served."""
    return server[1]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where a flow run notes what it does."""
    return tmp_path / "notes"


def events(notes: Path) -> list[str]:
    """What the flow runs noted, without their process ids."""
    return [line.rpartition(" ")[0] for line in notes.read_text().splitlines()] if notes.exists() else []


def runner_of(notes: Path) -> int:
    """The process id of the flow run that noted last."""
    return int(notes.read_text().split()[-1])


def test_a_flow_started_by_name_runs_and_is_seen_active(orchestrator: Orchestrator, notes: Path) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 3})
    until(lambda: orchestrator.state(run) == "RUNNING", 30)
    assert run in orchestrator.active("sleeps")
    assert run not in orchestrator.active("waits")
    until(lambda: orchestrator.state(run) == "COMPLETED")
    assert run not in orchestrator.active("sleeps")
    assert events(notes) == ["began", "ended"]
    found = orchestrator.run_of("sleeps", run)
    assert found is not None and orchestrator.runs_of("sleeps", 1) == [found]
    assert (found.state, found.parameters["path"]) == ("COMPLETED", str(notes))
    assert found.started and found.ended and found.started < found.ended
    assert orchestrator.run_of("waits", run) is None


def test_a_run_is_forked_from_the_prepared_server(orchestrator: Orchestrator, flows: Service, notes: Path) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 5})
    until(lambda: events(notes))
    parent = psutil.Process(runner_of(notes)).parent()
    assert parent is not None and flows.process is not None
    assert parent.ppid() == flows.process.pid
    assert "multiprocessing.forkserver" in " ".join(parent.cmdline())
    until(lambda: orchestrator.state(run) == "COMPLETED")


def test_the_same_idempotency_key_starts_one_run_even_from_many_threads(orchestrator: Orchestrator, notes: Path) -> None:
    def start(_: int) -> str:
        return orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 0}, idempotency_key=f"once-{notes}")

    first = start(0)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(start, range(8))) == {first}
    until(lambda: orchestrator.state(first) == "COMPLETED")
    assert events(notes) == ["began", "ended"]


def test_a_failed_flow_tells_why(orchestrator: Orchestrator) -> None:
    run = orchestrator.start_flow("fails", {})
    until(lambda: orchestrator.state(run) == "FAILED")
    until(lambda: any("asked to fail" in line for line in orchestrator.logs(run)))


def test_how_far_a_run_is_can_be_read_while_it_goes_on(orchestrator: Orchestrator, notes: Path) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 0})
    assert orchestrator.progress(run) is None
    for told in ((0.0, "read 0 of 60,460 e-mails"), (12.5, "read 7,557 of 60,460 e-mails, 1,034/s, 51 s left")):
        orchestrator.tell_progress(run, *told)
        assert orchestrator.progress(run) == told


def test_a_suspended_flow_holds_no_process_and_reruns_from_its_start_when_resumed(
    orchestrator: Orchestrator, notes: Path
) -> None:
    run = orchestrator.start_flow("waits", {"path": str(notes)})
    until(lambda: orchestrator.state(run) == "SUSPENDED")
    until(lambda: not psutil.pid_exists(runner_of(notes)))
    assert run in orchestrator.active("waits")
    assert orchestrator.resume(run)
    until(lambda: orchestrator.state(run) == "COMPLETED")
    assert events(notes) == ["began", "began", "went on"]
    assert not orchestrator.resume(run)


def test_a_flow_goes_on_that_is_resumed_while_its_process_still_ends(orchestrator: Orchestrator, notes: Path) -> None:
    run = orchestrator.start_flow("waits", {"path": str(notes)})
    until(lambda: orchestrator.state(run) == "SUSPENDED")
    assert orchestrator.resume(run)
    until(lambda: orchestrator.state(run) == "COMPLETED", 60)


def test_a_run_whose_process_is_killed_is_crashed_at_once(orchestrator: Orchestrator, notes: Path) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 60})
    until(lambda: events(notes))
    os.kill(runner_of(notes), signal.SIGKILL)
    until(lambda: orchestrator.state(run) == "CRASHED", 10)


def test_cancelling_ends_the_process_of_a_running_flow_and_a_suspended_run(orchestrator: Orchestrator, notes: Path) -> None:
    running = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 60})
    until(lambda: events(notes) and orchestrator.state(running) == "RUNNING")
    assert orchestrator.cancel(running)
    until(lambda: orchestrator.state(running) == "CANCELLED")
    until(lambda: not psutil.pid_exists(runner_of(notes)))
    assert not orchestrator.cancel(running)
    suspended = orchestrator.start_flow("waits", {"path": str(notes)})
    until(lambda: orchestrator.state(suspended) == "SUSPENDED")
    assert orchestrator.cancel(suspended)
    assert orchestrator.state(suspended) == "CANCELLED"


def test_flow_runs_die_with_a_killed_flow_process_and_the_next_one_takes_up_what_had_not_begun(
    orchestrator: Orchestrator, flows: Service, notes: Path
) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 600})
    until(lambda: orchestrator.state(run) == "RUNNING" and events(notes))
    flows.kill()
    until(lambda: not psutil.pid_exists(runner_of(notes)), 30)
    waiting = orchestrator.start_flow("sleeps", {"path": f"{notes}-2", "seconds": 0})
    orchestrator._set_state(waiting, "PENDING", "as the killed process would have left it")
    flows.start()
    until(lambda: orchestrator.state(waiting) == "COMPLETED")
    assert orchestrator.state(run) == "CRASHED"
    assert orchestrator.active("sleeps") == []


def test_a_flow_process_that_is_told_to_end_leaves_crashed_runs_not_cancelled_ones(
    orchestrator: Orchestrator, flows: Service, notes: Path
) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 600})
    until(lambda: orchestrator.state(run) == "RUNNING" and events(notes))
    flows.kill(signal.SIGTERM)
    assert orchestrator.state(run) == "CRASHED"
    assert flows.process is not None
    assert flows.process.returncode == 0
    flows.start()


def test_a_suspended_flow_survives_a_killed_server_and_a_killed_flow_process(
    server: tuple[Service, Orchestrator], orchestrator: Orchestrator, flows: Service, notes: Path
) -> None:
    run = orchestrator.start_flow("waits", {"path": str(notes)})
    until(lambda: orchestrator.state(run) == "SUSPENDED" and not psutil.pid_exists(runner_of(notes)))
    server[0].kill()
    with pytest.raises(StoreError, match="does not answer") as refused:
        orchestrator.resume(run)
    assert "triage up" in str(refused.value)
    assert not orchestrator.healthy()
    flows.kill()
    server[0].start()
    until(orchestrator.healthy, 90)
    assert orchestrator.state(run) == "SUSPENDED"
    assert orchestrator.resume(run)
    flows.start()
    until(lambda: orchestrator.state(run) == "COMPLETED", 90)


def test_the_flow_process_outlives_its_server(
    server: tuple[Service, Orchestrator], orchestrator: Orchestrator, flows: Service, notes: Path
) -> None:
    run = orchestrator.start_flow("sleeps", {"path": str(notes), "seconds": 2})
    until(lambda: events(notes))
    server[0].kill()
    until(lambda: events(notes) == ["began", "ended"])
    server[0].start()
    until(orchestrator.healthy, 90)
    until(lambda: orchestrator.state(run) == "COMPLETED", 90)
    assert flows.process is not None
    assert flows.process.poll() is None
    later = orchestrator.start_flow("sleeps", {"path": f"{notes}-2", "seconds": 0})
    until(lambda: orchestrator.state(later) == "COMPLETED", 60)


def test_reconciling_goes_on_all_the_while(flows: Service) -> None:
    rounds = Path(f"{flows.command[-1]}.rounds")
    before = len(rounds.read_text().splitlines())
    until(lambda: len(rounds.read_text().splitlines()) > before, 30)


def test_an_unknown_flow_a_missing_run_and_no_address_are_named(orchestrator: Orchestrator) -> None:
    with pytest.raises(StoreError, match="flow 'nothing' is not served"):
        orchestrator.start_flow("nothing", {})
    missing = "00000000-0000-0000-0000-000000000000"
    assert orchestrator.state(missing) == "MISSING"
    with pytest.raises(StoreError, match=missing):
        orchestrator.resume(missing)
    with pytest.raises(StoreError, match="PREFECT_API_URL"):
        Orchestrator("").start_flow("waits", {})


def test_the_server_tells_what_is_served(orchestrator: Orchestrator) -> None:
    assert orchestrator.served() == {"waits", "sleeps", "fails"}


def test_a_flow_with_an_interval_runs_by_itself(server: tuple[Service, Orchestrator], tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    environment = {"PREFECT_API_URL": server[1].api_url, "PREFECT_HOME": str(tmp_path), "TICKS": str(ticks)}
    command = [sys.executable, "-m", "tests.integration.small_flows", str(tmp_path / "heartbeat")]
    service = Service(command, environment, tmp_path / "flows.log")
    service.start()
    try:
        until(lambda: len(events(ticks)) >= 2)
    finally:
        service.kill(signal.SIGTERM)
    assert "SCHEDULED" in {run.state for run in server[1].runs_of("ticks", 5)}
