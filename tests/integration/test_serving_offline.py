"""Offline triage with a real Ray, a real registry and a real model: every e-mail once, as the model alone would answer it."""

import mailbox
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from apps.serving.batch.run import OfflinePlace, OfflineRequest, OfflineSummary, triage_source
from apps.serving.batches.results import read_result
from apps.serving.batches.work import BatchWork
from apps.serving.settings import Folders
from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.domain.batch import Batch, BatchOrder, BatchState
from libs.common.domain.progress import Progress
from libs.common.domain.triage import Email
from libs.common.errors import DataError, ModelCorrupt, ModelNotFound
from libs.common.models.artifact import write_artifact
from libs.common.models.base import Classifier
from libs.common.stores.records import migrate
from tests.conftest import REPO
from tests.unit.apps.training.mails import mailbox as synthetic
from tests.unit.flows.standing import version as registered
from tests.unit.libs.common.models.test_tabular import OPTIONS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::UserWarning"
)

MODEL = "email_classifier"
DEADLINE_S = 120


@dataclass(frozen=True)
class Installation:
    """A home in which versions 1 and 2 of a model are registered, and what version 1 is."""

    home: Home
    place: OfflinePlace
    classifier: Classifier

    def triage(self, source: Path | str, out: Path, version: str = "1", **more: Any) -> OfflineSummary:
        return triage_source(OfflineRequest(str(source), str(out), MODEL, version, **more), self.place)

    def as_a_job(self, *words: str, ray: str = "") -> "subprocess.Popen[str]":
        """The command line; without ``ray``, the address of one, it starts a Ray of its own."""
        environment = {**os.environ, "TRIAGE_HOME": str(self.home.root), "PYTHONPATH": str(REPO), "RAY_ADDRESS": ray}
        command = [sys.executable, "-m", "apps.serving.batch", *words]
        piped = subprocess.PIPE
        return subprocess.Popen(command, cwd=REPO, env=environment, text=True, stdout=piped, stderr=piped)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = Home(tmp_path_factory.mktemp("offline"))
    config = load_config("local")
    stores = connect(config.addresses(home))
    migrate(stores.addresses.records)
    classifiers = [fit_tabular(synthetic(60, seed=seed), OPTIONS, seed=0).classifier for seed in (0, 1)]
    for number, classifier in enumerate(classifiers, start=1):
        folder = home.root / f"artifact-{number}"
        digest = write_artifact(folder, classifier, {})
        draft = registered().model_copy(update={"model_name": MODEL, "labels": classifier.labels, "digest": digest})
        stores.registry.register(folder, draft)
    yield Installation(home, OfflinePlace(stores, config.model_serving, Folders.below(home)), classifiers[0])
    stores.records.close()


def emails(count: int) -> list[Email]:
    return list(synthetic(count, seed=5).emails)


def table_of(path: Path, mails: Sequence[Email]) -> Path:
    rows = [
        {"message_id": mail.message_id, "sender": mail.sender, "subject": mail.subject, "body": mail.body} for mail in mails
    ]
    parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def message(mail: Email) -> bytes:
    return f"Message-ID: {mail.message_id}\nFrom: {mail.sender}\nSubject: {mail.subject}\n\n{mail.body}\n".encode()


def box_of(path: Path, mails: Sequence[Email]) -> Path:
    box = mailbox.mbox(path)
    for mail in mails:
        box.add(message(mail))
    box.close()
    return path


def folder_of(path: Path, mails: Sequence[Email]) -> Path:
    path.mkdir()
    for number, mail in enumerate(mails):
        (path / f"{number:04d}.eml").write_bytes(message(mail))
    return path


def rows_in(out: Path) -> list[dict[str, Any]]:
    """Every row of every part, as they stand in the source."""
    return [row for part in sorted(out.glob("part-*.parquet")) for row in parquet.read_table(part).to_pylist()]


def written(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.*") if not path.name.startswith(".")}


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("kind", [table_of, box_of, folder_of])
def test_the_answers_are_those_of_the_model_one_by_one(installation: Installation, tmp_path: Path, kind: Any) -> None:
    mails = emails(1100)
    name = {table_of: "m.parquet", box_of: "m.mbox", folder_of: "m"}[kind]
    summary = installation.triage(kind(tmp_path / name, mails), tmp_path / "out")
    rows = rows_in(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("part-*"))) == {table_of: 2, box_of: 1, folder_of: 3}[kind]
    assert [row["message_id"].strip("<>") for row in rows] == [mail.message_id.strip("<>") for mail in mails]
    for row, mail in zip(rows, mails, strict=True):
        alone = dict(zip(installation.classifier.labels, installation.classifier.predict([mail])[0].tolist(), strict=True))
        assert row["probabilities"] == alone
        assert (row["label"], row["confidence"]) == max(alone.items(), key=lambda pair: pair[1])
    assert {(row["model"], row["version"]) for row in rows} == {(MODEL, "1")}
    assert {row["digest"] for row in rows} == {installation.place.stores.registry.get(MODEL, "1").digest}
    assert sum(summary.labels.values()) == summary.mails == len({row["origin"] for row in rows}) == 1100


@pytest.mark.usefixtures("connected")
def test_what_cannot_be_read_is_set_aside_with_the_reason_and_the_rest_goes_on(
    installation: Installation, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "m", emails(5))
    (folder / "0002.eml").write_bytes(b"")
    told: list[Progress] = []
    request = OfflineRequest(str(folder), str(tmp_path / "out"), MODEL, "1")
    summary = triage_source(request, installation.place, told.append)
    (aside,) = parquet.read_table(tmp_path / "out" / "_quarantine").to_pylist()
    assert (aside["origin"], "empty" in aside["reason"]) == ("0002.eml", True)
    origins = ["0000.eml", "0001.eml", "0003.eml", "0004.eml"]
    assert [row["origin"] for row in rows_in(tmp_path / "out")] == origins
    assert parquet.read_table(tmp_path / "out")["origin"].to_pylist() == origins, "the folder is one table"
    assert list(pd.read_parquet(tmp_path / "out")["origin"]) == origins
    assert (summary.quarantined, summary.mails) == (1, 5)
    assert [(progress.done, progress.total) for progress in told] == [(0, 5), (5, 5)]


def wait_for_part(out: Path, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not list(out.glob("part-*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no part came"
        time.sleep(0.01)


@pytest.mark.timeout(400)
def test_a_killed_run_is_gone_on_with_and_misses_and_repeats_nothing(
    installation: Installation, connected: str, tmp_path: Path
) -> None:
    mails = emails(8_000)
    mails[1234] = Email("", "", "", "")
    source, out = table_of(tmp_path / "m.parquet", mails), tmp_path / "killed"
    words = (str(source), "--out", str(out), "--version", "1")
    with installation.as_a_job(*words) as job:
        wait_for_part(out, job)
        os.kill(job.pid, signal.SIGKILL)
        job.wait(DEADLINE_S)
    before = {name: content for name, content in written(out).items() if name.startswith("part-")}
    assert 0 < len(before) < 8
    with installation.as_a_job(*words, ray=connected) as job:
        said, log = job.communicate(timeout=DEADLINE_S)
    assert job.returncode == 0, log
    assert "8,000 e-mails" in said
    assert "were there" in said
    assert "1 of them quarantined" in said
    after = written(out)
    assert {name: after[name] for name in before} == before, "what was there is left as it is"
    rows = rows_in(out)
    assert [row["origin"] for row in rows] == [f"m.parquet#{number}" for number in range(8_000) if number != 1234]
    positions = [row["position"] for row in rows]
    assert positions == sorted(set(positions))
    installation.triage(source, tmp_path / "whole")
    assert after == written(tmp_path / "whole"), "byte for byte what a run that nobody killed writes"


@pytest.mark.usefixtures("connected")
def test_a_finished_run_is_not_made_again_and_says_the_same(installation: Installation, tmp_path: Path) -> None:
    source, out = box_of(tmp_path / "m.mbox", emails(50)), tmp_path / "out"
    first = installation.triage(source, out)
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    again = installation.triage(source, out)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times
    assert (again.labels, again.mails) == (first.labels, 0)


@pytest.mark.usefixtures("connected")
def test_a_folder_that_holds_something_else_is_refused(installation: Installation, tmp_path: Path) -> None:
    source, out = box_of(tmp_path / "m.mbox", emails(20)), tmp_path / "out"
    installation.triage(source, out)
    before = written(out)
    with pytest.raises(DataError, match="version 1, not 2") as caught:
        installation.triage(source, out, version="2")
    assert "--version 1" in caught.value.hint
    with pytest.raises(DataError, match="source /"):
        installation.triage(box_of(tmp_path / "other.mbox", emails(21)), out)
    box_of(source, emails(1))
    with pytest.raises(DataError, match="source_digest"):
        installation.triage(source, out)
    with pytest.raises(DataError, match=r"holds other\.mbox, and no _manifest"):
        (tmp_path / "full").mkdir()
        (tmp_path / "other.mbox").rename(tmp_path / "full" / "other.mbox")
        installation.triage(source, tmp_path / "full")
    assert written(out) == before


@pytest.mark.usefixtures("connected")
def test_a_table_with_other_names_and_a_source_in_a_bucket(installation: Installation, tmp_path: Path, s3: Any) -> None:
    (tmp_path / "m.csv").write_text("Betreff,Text\n" + "".join(f'{mail.subject},"{mail.body}"\n' for mail in emails(30)))
    s3.create_bucket(Bucket="mail")
    s3.upload_file(str(tmp_path / "m.csv"), "mail", "in/m.csv")
    with pytest.raises(DataError, match="there are Betreff, Text"):
        installation.triage("s3://mail/in/m.csv", tmp_path / "out")
    installation.triage("s3://mail/in/m.csv", tmp_path / "out", columns={"subject": "Betreff", "body": "Text"})
    assert [row["origin"] for row in rows_in(tmp_path / "out")] == [f"m.csv#{number}" for number in range(30)]


@pytest.mark.usefixtures("connected")
def test_a_model_that_is_not_what_was_registered_triages_nothing(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = installation.place.stores
    version = stores.registry.get(MODEL, "1").model_copy(update={"digest": "0" * 64})
    monkeypatch.setattr(type(stores.registry), "get", lambda self, name, number: version)
    with pytest.raises(ModelCorrupt, match="has digest"):
        installation.triage(box_of(tmp_path / "m.mbox", emails(3)), tmp_path / "out")
    assert not list((tmp_path / "out").glob("part-*"))


@pytest.mark.usefixtures("connected")
def test_a_damaged_table_is_told_in_our_own_words(installation: Installation, tmp_path: Path) -> None:
    source = table_of(tmp_path / "m.parquet", emails(300))
    content = bytearray(source.read_bytes())
    content[100:2000] = bytes(1900)
    source.write_bytes(content)
    with pytest.raises(DataError) as caught:
        installation.triage(source, tmp_path / "out")
    assert "m.parquet" in caught.value.message
    assert "Traceback" not in str(caught.value)


@pytest.mark.usefixtures("connected")
def test_the_job_of_a_batch_says_how_it_ended_and_reads_nothing_that_is_not_open_to_it(
    installation: Installation, tmp_path: Path
) -> None:
    batches, now = installation.place.stores.records.batches, datetime.now(UTC)
    source = box_of(tmp_path / "in.mbox", emails(30))
    work = BatchWork(installation.place, (str(tmp_path),), lambda: now)
    for name, order in (
        ("read", BatchOrder(source=str(source), version="1")),
        ("elsewhere", BatchOrder(source="/etc/hostname", version="1")),
        ("unknown", BatchOrder(source=str(source), version="99")),
    ):
        batches.add(Batch(id=name, owner="ann", order=order, created_at=now, attempted_at=now))
    done = work.run("read", 1)
    assert (done.state, done.version, done.message, done.headway.mails_done) == (BatchState.SUCCEEDED, "1", "", 30)
    assert sum(read_result(installation.place.stores.objects, done).labels.values()) == 30
    assert work.run("read", 1) == done, "a second job of the same attempt does nothing"
    for name, said in (("elsewhere", "below no folder"), ("unknown", "99")):
        failed = work.run(name, 1)
        assert failed.state is BatchState.FAILED
        assert said in failed.message


def test_without_a_live_version_nothing_is_begun(installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="no version of email_classifier is live"):
        installation.triage(box_of(tmp_path / "m.mbox", emails(3)), tmp_path / "out", version="live")
    assert not (tmp_path / "out").exists()
