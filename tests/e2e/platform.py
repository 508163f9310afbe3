"""One whole installation, driven the way its users drive it: by the command line and over HTTP."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from apps.console.demo.load import LoadPlan
from apps.console.demo.load_process import LoadProcess
from apps.console.demo.mail_stream import MailFolder
from apps.console.runtime.discover import discover
from apps.console.runtime.environment import scratch_folder
from apps.training.synthetic import generate
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Role
from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.stores.orchestrator import Orchestrator

TRIAGE = str(Path(sys.executable).with_name("triage"))
MODEL = "email_classifier"
HUMAN_GATES = ("business_approval", "production_readiness_checklist", "disaster_recovery_plan")


def until(holds: Callable[[], object], within_s: float, what: str) -> None:
    """Wait for a condition; the deadline is the test."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.2)


class Platform:
    """A state home with everything running, in the demo's compressed time."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.stores: Stores = connect(load_config("demo").addresses(self.home))
        self.tokens: dict[Role, str] = {}

    def run(self, *words: str, role: Role = Role.ENGINEER, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One `triage` command in the name of somebody with ``role``."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        environment |= {"TRIAGE_HOME": str(self.home.root), "TRIAGE_TOKEN": self.tokens.get(role, "")}
        done = subprocess.run([TRIAGE, *words], env=environment, capture_output=True, text=True, check=False, timeout=400)
        assert not check or done.returncode == 0, f"triage {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def up(self) -> str:
        """`triage up`, which heals whatever is missing; what it told."""
        return self.run("up", "--env", "demo").stderr

    def heal(self, part: str, before: dict[str, dict[str, Any]]) -> str:
        """`triage up` after ``part`` was killed: it alone is started again, and at its address; what was told."""
        assert self.run("status", check=False).returncode == 1
        told, after = self.up(), self.status()
        assert f"{part}: starting" in told
        assert all(one["healthy"] for one in after.values())
        assert {name for name in before if before[name]["pid"] != after[name]["pid"]} == {part}
        assert {name: one["url"] for name, one in after.items()} == {name: one["url"] for name, one in before.items()}
        return told

    def down(self) -> None:
        """`triage down`, and nothing left in the scratch folder."""
        self.run("down", check=False)
        shutil.rmtree(scratch_folder(self.home), ignore_errors=True)

    def add_people(self) -> None:
        """One engineer and one approver."""
        for name, role in (("olga", Role.ENGINEER), ("alice", Role.APPROVER)):
            self.tokens[role] = self.run("principal", "add", name, role).stdout.strip()

    @property
    def url(self) -> str:
        """Where the service answers."""
        url = discover(self.home).http_url
        assert url
        return url

    @property
    def orchestrator(self) -> Orchestrator:
        """The Prefect server of this installation."""
        return Orchestrator(discover(self.home).prefect_api_url or "")

    def status(self) -> dict[str, dict[str, Any]]:
        """Each part by name."""
        return {part["name"]: part for part in json.loads(self.run("status", "--json", check=False).stdout)}

    def kill(self, part: str) -> None:
        """`kill -9` a part, and with the flows also the flow runs that it started."""
        process = psutil.Process(self.status()[part]["pid"])
        children = process.children(recursive=True) if part == "flows" else []
        for victim in (process, *children):
            victim.kill()
        psutil.wait_procs([process, *children], timeout=10)

    def train(self, seed: int) -> ModelVersion:
        """A tabular version trained on the latest dataset."""
        self.run("train", MODEL, "--family", "tabular", "--seed", str(seed))
        return self.stores.registry.get(MODEL)

    def approve_for_production(self, version: str, model: str = MODEL) -> None:
        """Take a version to production as its people would; the release begins by itself."""
        self.run("promote", model, version)
        self.run("evidence", "record", model, version, *HUMAN_GATES, "--detail", "reviewed")
        for stage in (Stage.STAGING, Stage.PRODUCTION):
            self.approve(version, stage, model)

    def approve(self, version: str, stage: Stage, model: str = MODEL) -> None:
        """Say yes as soon as the promotion to ``stage`` asks."""
        until(lambda: self._waiting(version, stage, model), 90, f"version {version} of {model} asks for {stage}")
        self.run("approve", self._waiting(version, stage, model), role=Role.APPROVER)

    def rollout_of(self, version: str, model: str = MODEL) -> Rollout | None:
        """The latest rollout of a version."""
        found = [one for one in self.stores.records.rollouts.list(model) if one.candidate.version == version]
        return found[-1] if found else None

    def begin_load(self, folder: Path, rate: float = 12.0) -> LoadProcess:
        """Open-loop load with feedback, until the test ends it (or ten minutes are over)."""
        mails = MailFolder(folder / "mails")
        mails.write("live", generate(3000, seed=4242))
        plan = LoadPlan(url=self.url, part="live", rate=rate, seconds=600, feedback_share=0.6, feedback_delay_s=0.5)
        return LoadProcess(plan, folder / "mails", folder / "requests.jsonl")

    def released(self, version: str, model: str = MODEL) -> bool:
        """Whether a version's release has succeeded."""
        rollout = self.rollout_of(version, model)
        return rollout is not None and rollout.phase is RolloutPhase.SUCCEEDED

    def _waiting(self, version: str, stage: Stage, model: str) -> str:
        asked, open_ones = (model, version, stage), self.stores.records.promotions.open()
        return next((one.id for one in open_ones if (one.model, one.version, one.stage) == asked and one.gates), "")
