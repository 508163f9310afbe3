"""Starting, healing and ending real processes, small ones: the rules of `triage up` and `down` without the platform."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import psutil
import pytest

from apps.console.runtime import process
from apps.console.runtime.down import bring_down
from apps.console.runtime.part import Part
from apps.console.runtime.status import standings
from apps.console.runtime.up import raise_parts
from libs.common.config.home import Home
from libs.common.errors import StoreError

# Writes its pid, then lives; with a child in a session of its own, as Ray's jobs have, that ignores SIGTERM.
STUBBORN = """
import os, signal, subprocess, sys, time
from pathlib import Path
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
fresh = Path(sys.argv[1] + ".new")
fresh.write_text(f"{os.getpid()} {child.pid}")
fresh.replace(sys.argv[1])
time.sleep(600)
"""


@pytest.fixture
def home(state_home: Path) -> Iterator[Home]:
    """A state home whose processes end with the test."""
    home = Home(state_home)
    for folder in (home.run, home.logs):
        folder.mkdir(parents=True)
    yield home
    bring_down(home)


def pids(note: Path) -> list[int]:
    """The pids of the process and its child, once it lives."""
    return [int(pid) for pid in note.read_text().split()] if note.exists() else []


def part(home: Home, name: str = "flows", code: str = STUBBORN, **changes: object) -> Part:
    """A part that is healthy while the process that its note names lives."""
    note = home.run / f"{name}.note"

    def check() -> str | None:
        running = process.find(name, home.run)
        return None if running and pids(note)[:1] == [running.pid] and running.alive else "has not written its note"

    argv = (sys.executable, "-c", code, str(note))
    made = Part(name=name, argv=argv, variables={"WHERE": "here"}, check=check, deadline_s=30, grace_s=1)
    return replace(made, **changes)


def bring(home: Home, *parts: Part) -> list[str]:
    """Bring parts up; what was told meanwhile."""
    told: list[str] = []
    raise_parts(parts, home, told.append)
    return told


def test_a_second_start_finds_the_first(home: Home) -> None:
    wanted = part(home)
    assert "flows: starting" in bring(home, wanted)
    first = process.find("flows", home.run)
    assert bring(home, wanted) == ["flows: runs already"]
    assert process.find("flows", home.run) == first
    assert [standing.healthy for standing in standings([wanted], home)] == [True]


def test_a_killed_process_is_started_anew_and_what_it_left_is_ended_first(home: Home) -> None:
    flows, prefect = part(home), part(home, "prefect")
    bring(home, flows, prefect)
    leader, child = pids(home.run / "flows.note")
    os.kill(leader, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(leader)], timeout=10)
    assert [standing.running for standing in standings([flows, prefect], home)] == [False, True]
    assert psutil.Process(child).status() != psutil.STATUS_ZOMBIE
    told = bring(home, flows, prefect)
    assert "prefect: runs already" in told
    assert "flows: starting" in told
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    assert pids(home.run / "flows.note")[0] != leader


def test_a_process_with_old_addresses_is_replaced(home: Home) -> None:
    bring(home, part(home))
    first = process.find("flows", home.run)
    bring(home, part(home, variables={"WHERE": "there"}))
    second = process.find("flows", home.run)
    assert first
    assert second
    assert second.pid != first.pid
    assert not first.alive


def test_down_ends_every_descendant_even_a_stubborn_one_in_its_own_session_and_nobody_else(home: Home) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(home.root)], start_new_session=True)
    try:
        bring(home, part(home))
        ours = pids(home.run / "flows.note")
        assert bring_down(home) == {"flows": 2}
        gone = [not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in ours]
        assert gone == [True, True]
        assert stranger.poll() is None
        assert bring_down(home) == {}
    finally:
        stranger.kill()
        stranger.wait()


def test_a_stranger_with_a_recycled_pid_is_neither_taken_for_ours_nor_ended(home: Home) -> None:
    wanted = part(home)
    bring(home, wanted)
    running = process.find("flows", home.run)
    assert running
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    recycled = replace(running, pid=stranger.pid)
    try:
        assert not recycled.alive
        assert stranger.pid not in {member.pid for member in process.members(recycled)}
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_of_another_version_is_named_with_its_process(home: Home) -> None:
    (home.run / "ray.json").write_text('{"pid": 4711}')
    with pytest.raises(StoreError, match="another version") as refused:
        process.find("ray", home.run)
    assert "4711" in refused.value.hint
    (home.run / "ray.json").unlink()


def test_a_process_that_ends_at_once_is_named_with_the_end_of_its_log(home: Home) -> None:
    with pytest.raises(StoreError, match="flows ended before it was healthy") as failed:
        bring(home, part(home, code="print('no such thing as a free port'); raise SystemExit(3)"))
    assert "no such thing as a free port" in failed.value.message
    assert str(home.logs / "flows.log") in failed.value.hint


def test_a_process_that_ends_too_early_is_started_as_often_as_it_may(home: Home) -> None:
    tried = home.run / "tried"
    code = f"from pathlib import Path\ntried = Path({str(tried)!r})\n"
    code += "if not tried.exists(): tried.touch(); raise SystemExit(1)\n" + STUBBORN
    with pytest.raises(StoreError, match="flows ended before it was healthy"):
        bring(home, part(home, code=code))
    tried.unlink()
    assert bring(home, part(home, code=code, attempts=2))[0] == "flows: starting"


def test_a_process_that_never_becomes_healthy_is_named_with_what_is_wrong(home: Home) -> None:
    with pytest.raises(StoreError, match=r"flows is not healthy after 1 s: has not written its note"):
        bring(home, part(home, code="import time; time.sleep(600)", deadline_s=1))


def test_what_a_part_needs_comes_first_and_its_failure_stops_it(home: Home) -> None:
    broken = part(home, "ray", code="raise SystemExit(1)")
    door = part(home, "serving", code="raise AssertionError('must not run')", deploys=True, needs=("ray",))
    with pytest.raises(StoreError, match="ray ended before"):
        bring(home, broken, door)
    assert not (home.logs / "serving.log").exists()


def test_a_front_door_runs_to_its_end_once_and_again_when_its_work_is_gone(home: Home) -> None:
    deployed = home.run / "deployed"
    door = Part(
        name="serving",
        argv=(sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('x')", str(deployed)),
        variables={},
        check=lambda: None if deployed.exists() else "not deployed",
        deploys=True,
    )
    assert bring(home, door)[0] == "serving: deploying"
    assert bring(home, door) == ["serving: runs already"]
    assert deployed.read_text() == "x"
    deployed.unlink()
    assert bring(home, door)[0] == "serving: deploying"
    with pytest.raises(StoreError, match=r"could not be deployed \(exit status 4\)"):
        bring(home, replace(door, argv=(sys.executable, "-c", "raise SystemExit(4)"), check=lambda: "not deployed"))


def test_parts_that_need_nothing_start_at_the_same_time(home: Home) -> None:
    together = Barrier(2, timeout=20)
    met: list[str] = []

    def meeting(name: str) -> Part:
        def check() -> str | None:
            if name not in met:
                together.wait()
                met.append(name)
            return None

        return part(home, name, code="import time; time.sleep(600)", check=check)

    bring(home, meeting("flows"), meeting("prefect"))
    assert sorted(met) == ["flows", "prefect"]


def test_a_hung_process_is_replaced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.console.runtime.up._HUNG_AFTER_S", 0.5)
    wanted = part(home)
    bring(home, wanted)
    first = process.find("flows", home.run)
    assert first
    (home.run / "flows.note").unlink()
    bring(home, wanted)
    assert not first.alive


def test_ending_does_not_wait_for_a_process_that_obeys(home: Home) -> None:
    bring(home, part(home, code=STUBBORN.replace("signal.SIG_IGN", "signal.SIG_DFL"), grace_s=600))
    thread = Thread(target=bring_down, args=(home,))
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
