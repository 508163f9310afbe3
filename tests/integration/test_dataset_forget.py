"""A person asks to be forgotten: nothing of them is left in any byte, everything else stands, and a killed run is finished."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from apps.console.cli import app
from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.erasure.erased_version import EMAILS
from apps.training.erasure.traces import Subject
from apps.training.provenance import Stamp
from libs.common.connect import Stores
from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import Traffic
from libs.common.domain.triage import Email
from libs.common.errors import DataError, NotAuthorised, StoreError
from libs.common.features.json_mail import email_to_json
from libs.common.stores.data_objects import DataObjects
from libs.common.stores.datasets import sha256_of
from libs.common.stores.records import migrate
from libs.common.stores.records.audit import AuditTrail
from libs.common.stores.records.feedback import FeedbackStore
from libs.common.stores.rewriting import Rewriting
from tests.integration.planted import (
    ACTOR,
    ADDRESS,
    ANSWERS,
    AT,
    HERS,
    MODEL,
    NOW,
    SIGNS,
    content_of,
    copy_of,
    faults,
    forgotten_by,
    opened,
    plant_datasets,
    signs_in,
    versions,
)
from tests.unit.flows.standing import version as registered


class Killed(BaseException):
    """In place of a SIGKILL: nothing in the product catches it."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("planted") / "home"
    plant_datasets(home)
    return home


@pytest.fixture
def home(planted: Path, state_home: Path) -> Path:
    return copy_of(planted, state_home)


@pytest.fixture
def stores(home: Path) -> Iterator[Stores]:
    migrate(f"sqlite:///{home}/records.db")
    with opened(home, f"sqlite:///{home}/records.db") as stores:
        yield stores


@pytest.fixture
def every(home: Path, records_url: str) -> Iterator[Stores]:
    with opened(home, records_url) as stores:
        yield stores


def test_nothing_is_left_in_any_byte_and_every_version_verifies(home: Path, every: Stores, tmp_path: Path) -> None:
    before = versions(every)
    assert {sign for signs in signs_in(home).values() for sign in signs} == set(SIGNS)

    done = forgotten_by(every)

    assert signs_in(tmp_path) == {}
    after = versions(every)
    assert after.keys() == before.keys()
    assert faults(every) == []
    for tag, version in after.items():
        (stone,) = version.erased
        assert (stone.digest, stone.by, stone.reason) == (before[tag].digest, "erin", "asked by [erased]")
        assert stone.rewritten == before[tag].rows - stone.rows  # each names its source by the address
        assert version.digest != before[tag].digest
        assert version.rows == before[tag].rows - stone.rows == sum(version.splits.values()) == version.classes["ham"]
        assert (version.quality.rows_kept, version.quality.quarantined) == (version.rows, {"no label": 1, "too few": 1})
    assert [stone.rows for _, stone in done.versions] == [1, 1, 2, 2, 2, 2]


def test_nothing_is_left_on_an_s3_remote_either(tmp_path: Path, s3: Any) -> None:
    home, records, remote = tmp_path / "home", f"sqlite:///{tmp_path}/home/records.db", "s3://ml-data/versioned-datasets"
    s3.create_bucket(Bucket="ml-data")
    home.mkdir()
    plant_datasets(home, remote, ("emails",))
    assert signs_in(downloaded(s3, tmp_path / "before"))
    migrate(records)
    with opened(home, records, remote) as stores:
        forgotten_by(stores)
        assert signs_in(downloaded(s3, tmp_path / "after")) == signs_in(home) == {}
        assert faults(stores) == []
        shutil.rmtree(home / "datasets" / ".dvc" / "cache")
        assert faults(stores) == []  # the remote alone has all that is left


def downloaded(s3: Any, folder: Path) -> Path:
    """Every object of the bucket as a file."""
    folder.mkdir()
    for number, found in enumerate(s3.list_objects_v2(Bucket="ml-data")["Contents"]):
        s3.download_file("ml-data", found["Key"], str(folder / str(number)))
    return folder


def test_what_others_said_stays_and_the_audit_chain_tells_what_went(every: Stores, tmp_path: Path) -> None:
    forgotten_by(every)
    rows = parquet.read_table(every.datasets.checkout("emails", "1.1.0", tmp_path / "out") / EMAILS).to_pylist()
    answer = next(row for row in rows if row["message_id"] == "answer-1@mx.example")
    assert answer["clean_text"] == "No idea."
    assert answer["recipients"] == ["eve@else.example"]
    assert {report.request_id: report.label for report in every.records.feedback.every()} == dict.fromkeys(
        ("r1", "r2", "r3", "r4"), "spam"
    )
    assert every.records.audit.verify(every.noted_head()) == []
    (event,) = every.records.audit.events()
    assert (event.action, event.actor, event.details["feedback_removed"]) == ("forgotten", ACTOR, 1)
    assert event.details["versions"]["emails/v1.0.0"] == {"rows": 1, "rewritten": 8, "quarantined": 2}
    assert every.records.feedback.count_since(MODEL, AT) == 4


def test_a_second_run_finds_nothing_to_do_and_still_names_the_models(stores: Stores, home: Path) -> None:
    first = stores.datasets.get("emails", "1.0.0")
    artifact = home / "artifact"
    artifact.mkdir()
    (artifact / "model.json").write_text("{}")
    for digest in (first.digest, "e" * 64):
        draft = registered()
        details = draft.training_details.model_copy(update={"dataset_version": first.tag, "dataset_digest": digest})
        stores.registry.register(artifact, draft.model_copy(update={"training_details": details}))
    told = forgotten_by(stores, dry_run=True, models=(MODEL,))
    done = forgotten_by(stores, models=(MODEL,))
    assert told.models == done.models == (f"{MODEL}/1 (none)",)
    assert [tag for tag, _ in told.versions] == [tag for tag, _ in done.versions]
    standing = versions(stores)
    again = forgotten_by(stores, models=(MODEL,))
    assert (again.versions, again.feedback_removed, again.feedback_rewritten) == ((), 0, 0)
    assert again.models == done.models
    assert versions(stores) == standing


def test_a_dry_run_tells_and_changes_nothing(stores: Stores, home: Path) -> None:
    before, heads = content_of(home), versions(stores)
    told = forgotten_by(stores, dry_run=True)
    assert [stone.rows for _, stone in told.versions] == [1, 1, 2, 2, 2, 2]
    assert (told.feedback_removed, told.feedback_rewritten) == (1, 2)
    assert content_of(home) == before
    assert versions(stores) == heads


def test_one_mail_goes_and_the_other_stays(stores: Stores, home: Path) -> None:
    forgotten_by(stores, Subject(message_id="planted-1@mx.example"))
    left = {sign for signs in signs_in(home).values() for sign in signs}
    assert left == set(SIGNS) - {"planted-1@mx.example", "eats seven silver"}


# Where a run dies, and in which call: whatever comes before it has happened.
STAGES: dict[str, tuple[type, str, int]] = {
    "the feedback of others": (FeedbackStore, "replace", 1),
    "some new content": (DataObjects, "add", 5),
    "the new history": (Rewriting, "_rewritten", 1),
    "the plan is carried out": (Rewriting, "finish", 2),
    "the old content": (Rewriting, "_drop", 1),
    "its removal": (DataObjects, "remove", 1),
    "the end of the plan": (DataObjects, "sweep", 1),
    "her own feedback": (FeedbackStore, "replace", 2),
    "the bytes of the records": (FeedbackStore, "scrub", 1),
    "the audit record": (AuditTrail, "append", 1),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_before_any_stage_is_completed_by_the_next(
    stage: str, stores: Stores, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, call = STAGES[stage]
    real, calls = getattr(owner, name), count(1)

    def dying(self: Any, *arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise Killed
        return real(self, *arguments, **options)

    die_in(stores, monkeypatch, owner, name, dying)
    must_complete(stores, home)


def test_a_run_killed_between_the_refs_is_completed_by_the_next(
    stores: Stores, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Rewriting._move  # pyright: ignore[reportPrivateUsage]

    def dying(self: Rewriting, moves: dict[str, str]) -> None:
        real(self, dict(list(moves.items())[::2]))
        raise Killed

    die_in(stores, monkeypatch, Rewriting, "_move", dying)
    assert any("was not finished" in fault for fault in stores.datasets.verify("emails"))
    must_complete(stores, home)


def test_a_real_kill_is_survived_too(stores: Stores, home: Path) -> None:
    plan = home / "datasets" / ".git" / "triage-plan.json"
    command = [sys.executable, "-c", RUN, str(home)]
    run = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 300
    while not plan.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert plan.exists()
    assert any("was not finished" in fault for fault in stores.datasets.verify("emails"))
    must_complete(stores, home)


RUN = """
import sys
from pathlib import Path
from apps.training.erasure.traces import Subject
from tests.integration.planted import forgotten_by, stores_of
home = Path(sys.argv[1])
forgotten_by(stores_of(home, f"sqlite:///{home}/records.db"))
"""


def die_in(stores: Stores, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, dying: Callable[..., Any]) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(Killed):
            forgotten_by(stores)


def must_complete(stores: Stores, home: Path) -> None:
    forgotten_by(stores)
    assert signs_in(home) == {}
    assert stores.datasets.verify("emails", "1.0.0") == stores.datasets.verify("lists") == []
    assert all(len(version.erased) == 1 for version in versions(stores).values())
    *_, event = stores.records.audit.events()
    assert event.details["versions"]["lists/v1.0.0"]["rows"] == 1
    assert stores.records.audit.verify(stores.noted_head()) == []


@pytest.mark.usefixtures("connected")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::FutureWarning:ray")
def test_what_a_real_build_made_of_mail_and_feedback_is_forgotten(state_home: Path, tmp_path: Path) -> None:
    others = [Email(f"o{n}@x", "eve@x", f"lunch {n}", f"at noon on the {n}th of the month") for n in range(40)]
    mails = [(email, ("ham", "spam")[n % 2]) for n, email in enumerate([*HERS, *ANSWERS, *others])]
    rare = replace(HERS[0], message_id="planted-3@mx.example", body="nine copper bells of Quillmoor")
    source = tmp_path / "sources" / f"{ADDRESS}.jsonl"
    source.parent.mkdir()
    rows = [{**email_to_json(email), "label": label} for email, label in [*mails, (HERS[0], "ham"), (rare, "rare")]]
    source.write_text("\n".join(map(json.dumps, rows)))
    migrate(f"sqlite:///{tmp_path}/records.db")
    request = BuildRequest(name="mail", sources=(str(source),), folds=2, min_quality=0.1)
    with opened(state_home, f"sqlite:///{tmp_path}/records.db") as stores:
        corrected = list(stores.records.feedback.every())
        built = build_dataset(request, stores.datasets, Stamp(NOW, "c", "d"), corrected)
        source.unlink()
        assert {sign for signs in signs_in(state_home).values() for sign in signs} == set(SIGNS)
        forgotten_by(stores)
        assert signs_in(tmp_path) == {}
        left = stores.datasets.get("mail")
        assert stores.datasets.verify("mail") == []
        assert left.rows == built.rows - left.erased[0].rows
        assert left.quality.rows_read < built.quality.rows_read


def test_what_killed_runs_have_left_goes_too(stores: Stores, home: Path) -> None:
    workspace = home / "datasets"
    killed_copy = workspace / ".dvc" / "cache" / "files" / "md5" / "aa" / "tmp-of-a-copy"
    scratch = home / "datasets.scratch" / "old"
    half_built = workspace / "emails" / EMAILS
    for path in (killed_copy, scratch, half_built):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ADDRESS)
    DataObjects(workspace, str(home / "dvc-remote")).add(scratch)  # as a build that was killed after its push
    forgotten_by(stores)
    assert signs_in(home) == {}
    assert stores.datasets.verify("emails") == []


def test_a_build_after_a_killed_run_finishes_it_first(stores: Stores, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dying(self: Rewriting, moves: dict[str, str]) -> None:
        raise Killed

    die_in(stores, monkeypatch, Rewriting, "_move", dying)
    latest = stores.datasets.get("emails", "1.1.0")
    folder = stores.datasets.checkout("emails", "1.1.0", home / "out")
    (folder / "manifest.json").unlink()
    stores.datasets.commit("emails", folder, latest)
    assert len(stores.datasets.list("emails")) == 4
    assert stores.datasets.get("emails", "1.1.0").erased
    assert stores.datasets.verify("emails", "1.1.0") == []


def test_a_version_that_lost_its_tag_and_its_content_holds_nothing_either(stores: Stores, home: Path) -> None:
    lost = stores.datasets.get("emails", "1.0.0").files[EMAILS]
    for place in (home / "datasets" / ".dvc" / "cache", home / "dvc-remote"):
        for path in [path for path in place.rglob("*") if path.is_file() and sha256_of(path) == lost]:
            path.unlink()
    with pytest.raises(StoreError, match=r"emails/v1\.0\.0: emails\.parquet is in no place any more"):
        forgotten_by(stores)
    subprocess.run(["git", "-C", str(home / "datasets"), "tag", "--delete", "emails/v1.0.0"], check=True)
    forgotten_by(stores)
    assert signs_in(home) == {}
    assert faults(stores) == []


def test_content_that_only_the_work_tree_has_is_taken_from_there(stores: Stores, home: Path) -> None:
    latest = stores.datasets.get("emails").files[EMAILS]
    for place in (home / "datasets" / ".dvc" / "cache", home / "dvc-remote"):
        for path in [path for path in place.rglob("*") if path.is_file() and sha256_of(path) == latest]:
            path.unlink()
    forgotten_by(stores)
    assert signs_in(home) == {}
    assert stores.datasets.verify("emails") == []


def test_damaged_content_is_named_and_never_written_anew(stores: Stores, home: Path) -> None:
    digest = stores.datasets.get("emails", "1.0.0").files[EMAILS]
    for place in ("datasets/.dvc/cache", "dvc-remote"):
        for path in (home / place).rglob("*"):
            if path.is_file() and path.stat().st_size and sha256_of(path) == digest:
                path.chmod(0o644)
                path.write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match=r"emails/v1\.0\.0: emails\.parquet was changed"):
        forgotten_by(stores)


def test_nobody_is_forgotten_in_a_home_without_a_dataset(state_home: Path) -> None:
    state_home.mkdir(parents=True)
    migrate(f"sqlite:///{state_home}/records.db")
    with opened(state_home, f"sqlite:///{state_home}/records.db") as stores:
        assert forgotten_by(stores).feedback_removed == 1
        assert [report.email for report in stores.records.feedback.every() if report.request_id == "r1"] == [None]


def test_the_command_takes_a_token_and_prints_what_went(
    home: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dataset", "forget", "--sender", ADDRESS, "-m", "asked"]
    with pytest.raises(NotAuthorised, match="TRIAGE_TOKEN"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    tokens = {role: CliRunner().invoke(app, ["principal", "add", role, role]).stdout.strip() for role in ("viewer", "engineer")}
    monkeypatch.setenv("TRIAGE_TOKEN", tokens["viewer"])
    with pytest.raises(NotAuthorised, match="viewer"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    monkeypatch.setenv("TRIAGE_TOKEN", tokens["engineer"])
    with pytest.raises(DataError, match="exactly one"):
        CliRunner().invoke(app, [*words, "--message-id", "x"], catch_exceptions=False)
    told = CliRunner().invoke(app, [*words, "--dry-run"], catch_exceptions=False).stdout
    done = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert told == done
    assert "emails/v1.0.0\t1\t8\t2\n" in done
    assert "feedback\t1\t2\t0\n" in done
    assert "nothing was found" in CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert signs_in(home) == {}


def test_replicas_are_told_to_drop_the_answers_they_keep(stores: Stores) -> None:
    """Even where no dataset holds anything: they may have answered a mail that nobody kept."""
    live = ModelRef(name=MODEL, version="1", digest="1" * 64, uri="models/1")
    row = stores.records.traffic.save(Traffic(model=MODEL, stable=live))
    nobody, models = Subject(sender="nobody@example.org"), (MODEL, "never_served")
    forgotten_by(stores, nobody, dry_run=True, models=models)
    assert stores.records.traffic.get(MODEL) == row
    forgotten_by(stores, nobody, models=models)
    assert stores.records.traffic.get(MODEL) == row.model_copy(update={"forgotten_at": NOW, "revision": row.revision + 1})
    assert stores.records.traffic.get("never_served") == Traffic(model="never_served")
