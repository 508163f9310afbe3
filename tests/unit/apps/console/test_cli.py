"""The command line as users see it: one clear error, and an exit status that scripts can trust."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from apps.console.cli import app, main
from apps.console.commands import datasets
from apps.console.runtime.discover import Reachable, discover
from apps.console.runtime.lock import exclusive
from libs.common.config.home import Home
from libs.common.errors import PromotionRefused, StoreError
from libs.common.stores.records import migrate, open_records

TAKE_THE_LOCK = """
from apps.console.runtime.lock import exclusive
from libs.common.config.home import Home
with exclusive(Home.find()):
    print("taken")
"""


def test_status_before_the_first_start_says_so_and_fails(state_home: Path) -> None:
    answer = CliRunner().invoke(app, ["status"])
    assert answer.exit_code == 1
    assert "triage up" in answer.output
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout) == []


def test_down_with_nothing_running_does_nothing(state_home: Path) -> None:
    answer = CliRunner().invoke(app, ["down"])
    assert (answer.exit_code, answer.output) == (0, "nothing was running\n")
    assert not state_home.exists()


def test_the_merged_configuration_is_printed_and_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_RECORDS_URL", "postgresql://triage:hush@db/triage")
    answer = CliRunner().invoke(app, ["config", "check", "--env", "production"])
    assert answer.exit_code == 0
    assert "***" in answer.output
    assert "hush" not in answer.output


def test_an_error_is_printed_with_its_hint_and_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["triage", "config", "check", "--env", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "clusters/nowhere/overlay.yaml" in said
    assert "Traceback" not in said


def test_a_second_start_at_the_same_time_is_refused_and_names_the_first(state_home: Path) -> None:
    home = Home(state_home)
    with exclusive(home), pytest.raises(StoreError, match=f"process {os.getpid()}"), exclusive(home):
        pytest.fail("the lock was given twice")
    with exclusive(home):
        other = subprocess.run([sys.executable, "-c", TAKE_THE_LOCK], capture_output=True, text=True, check=False)
    assert "is at work" in other.stderr
    with exclusive(home):
        assert (state_home / "run" / "lock").read_text() == str(os.getpid())


def test_nothing_is_reachable_before_the_first_start(state_home: Path) -> None:
    assert discover(Home(state_home)) == Reachable()


def test_evidence_is_refused_whole_for_a_gate_that_no_stage_has(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_home.mkdir(parents=True)
    migrate(f"sqlite:///{state_home}/records.db")
    added = CliRunner().invoke(app, ["principal", "add", "omar", "approver"])
    monkeypatch.setenv("TRIAGE_TOKEN", added.stdout.strip())
    words = ["evidence", "record", "email_classifier", "1", "business_approval", "busyness_approval", "--detail", "asked"]
    with pytest.raises(PromotionRefused, match="gate 'busyness_approval'") as refused:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert "business_approval" in (refused.value.hint or "")
    with closing(open_records(f"sqlite:///{state_home}/records.db")) as records:
        assert records.evidence.latest("email_classifier", "1", "business_approval") is None


def test_the_recipe_of_a_build_is_found_from_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    asked: dict[str, object] = {}
    monkeypatch.setattr(datasets, "open_session", lambda: SimpleNamespace(run_flow=lambda *a: asked.update(a[1]) or ""))
    for recipe, sent in (("mine.yaml", str(tmp_path / "mine.yaml")), ("csv", "csv")):
        assert CliRunner().invoke(app, ["dataset", "build", "--recipe", recipe]).exit_code == 0
        assert asked["recipe"] == sent
