"""A state home with one person's mail everywhere, and a search for what is left of it in the bytes of every file."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from apps.training.datasets.contents import digest_of, row_digest
from apps.training.datasets.preprocess import content_digest
from apps.training.datasets.rows import DATASET, QUARANTINE
from apps.training.erasure.erasure import row_of
from apps.training.erasure.forget import Forgotten, forget
from apps.training.erasure.traces import Subject
from apps.training.pipeline import Workplace
from libs.common.config.configuration import Addresses
from libs.common.connect import Stores
from libs.common.domain.audit import Actor, Role
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, SourceRef, Split
from libs.common.domain.triage import Email, Feedback
from libs.common.features.cleaning import clean
from libs.common.stores.datasets import DatasetStore, sha256_of

AT, NOW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
ACTOR = Actor(name="erin", role=Role.ENGINEER)
MODEL = "email_classifier"
ADDRESS = "ada.zebra@planted.example"
SENTENCE = "the heron of Quillmoor eats seven silver keys at dawn"
PAGE = "<p>and the <i>otter of Quillmoor</i> counts nine copper bells</p>"
SIGNS = (ADDRESS, "planted-1@mx.example", "planted-2@mx.example", "planted-3@mx.example", "eats seven silver", "copper bells")
DATASETS = ("emails", "lists")

HERS = (
    Email("planted-1@mx.example", ADDRESS, "a question", f"Dear all,\n\n{SENTENCE}.\n\nAda", sent_at=AT),
    Email("planted-2@mx.example", ADDRESS.upper(), "and another", PAGE, is_html=True, sent_at=AT),
)
ANSWERS = (
    Email(
        "answer-1@mx.example",
        "bob@else.example",
        "Re: a question",
        f"No idea.\n\nOn Monday, Ada Zebra <{ADDRESS}> wrote:\n> the heron of Quillmoor eats seven\n> silver keys at dawn.\n",
        recipients=(ADDRESS, "eve@else.example"),
        sent_at=AT + timedelta(hours=1),
        thread_id="planted-1@mx.example",
    ),
    Email(
        "answer-2@mx.example",
        "eve@else.example",
        "bells",
        f"<div>Nice.</div><div>{PAGE}</div><p>mailto:{ADDRESS}</p>",
        is_html=True,
        sent_at=AT + timedelta(hours=2),
        thread_id="planted-2@mx.example",
    ),
)
ASIDE = (
    {"reason": "no label", "message_id": "planted-3@mx.example", "sender": ADDRESS, "subject": "x", "body": SENTENCE},
    {"reason": "no label", "message_id": "q2@else.example", "sender": "eve@else.example", "body": f"> {SENTENCE}\n{ADDRESS}"},
    {"reason": "too few", "message_id": "q3@else.example", "sender": "eve@else.example", "body": "nothing of hers"},
)


def stores_of(home: Path, records: str, remote: str = "") -> Stores:
    """The stores of a home on one machine, as the local environment has them, unless the datasets' ``remote`` is elsewhere."""
    places = {"datasets": str(home / "datasets"), "dataset_remote": remote or str(home / "dvc-remote")}
    tracking = f"sqlite:///{home}/mlflow/mlflow.db"
    return Stores(Addresses(records=records, objects=str(home / "objects"), tracking=tracking, **places))


def plant_datasets(home: Path, remote: str = "", names: Sequence[str] = DATASETS) -> None:
    """Datasets of three versions each: each with her mails, with answers that quote them, and with others set aside."""
    store = DatasetStore(home / "datasets", remote or str(home / "dvc-remote"))
    for name in names:
        for number in range(3):
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                store.commit(name, folder, _draft(folder, [*HERS[: number + 1], *ANSWERS, *_others(name, number)]))


def copy_of(planted: Path, home: Path) -> Path:
    """A home of one's own: DVC notes where its remote is."""
    shutil.copytree(planted, home)
    noted = home / "datasets" / ".dvc" / "config"
    noted.write_text(noted.read_text().replace(str(planted), str(home)))
    git = ["git", "-C", str(home / "datasets"), "-c", "user.name=triage", "-c", "user.email=triage@localhost"]
    subprocess.run([*git, "commit", "-aqm", "Move"], check=True)
    subprocess.run([*git, "branch", "-f", "main", "develop"], check=True)
    return home


def feedback_of_all() -> list[Feedback]:
    """Hers, an answer that quotes her, one that she gave herself, and one that has nothing to do with her."""
    plain = Email("p1@else.example", "eve@else.example", "lunch", "at noon?")
    given = (("r1", "bob", HERS[0]), ("r2", "bob", ANSWERS[0]), ("r3", ADDRESS, None), ("r4", "eve", plain))
    return [Feedback(request, MODEL, "spam", reporter, AT, email) for request, reporter, email in given]


@contextmanager
def opened(home: Path, records: str, remote: str = "") -> Generator[Stores]:
    """The stores of a home, with feedback in its records."""
    stores = stores_of(home, records, remote)
    for report in feedback_of_all():
        stores.records.feedback.add(report)
    with closing(stores.records):
        yield stores


def forgotten_by(
    stores: Stores, subject: Subject | None = None, dry_run: bool = False, models: tuple[str, ...] = ()
) -> Forgotten:
    """What forgetting her (or another subject) has changed."""
    place = Workplace(stores, ACTOR, NOW)
    return forget(place, models, subject or Subject(sender=ADDRESS), f"asked by {ADDRESS}", dry_run)


def versions(stores: Stores) -> dict[str, DatasetVersion]:
    """Every version by its tag."""
    return {found.tag: found for name in DATASETS for found in stores.datasets.list(name)}


def faults(stores: Stores) -> list[str]:
    """What is wrong with any version."""
    datasets = stores.datasets
    return [fault for name in DATASETS for found in datasets.list(name) for fault in datasets.verify(name, found.version)]


def content_of(home: Path) -> dict[Path, bytes]:
    """Every file with its bytes, but locks."""
    files = (path for path in home.rglob("*") if path.is_file() and path.suffix not in (".lock", ".db-shm"))
    return {path: path.read_bytes() for path in files}


def signs_in(home: Path) -> dict[str, set[str]]:
    """Where below ``home`` which of the planted signs can be read: file → signs; for git, its objects → signs."""
    found = {str(path.relative_to(home)): _signs(_readable(path)) for path in sorted(home.rglob("*")) if path.is_file()}
    for git in home.rglob(".git"):
        command = ["git", f"--git-dir={git}", "cat-file", "--batch-all-objects", "--batch"]
        found["git"] = _signs(subprocess.run(command, capture_output=True, check=True).stdout)
    return {place: signs for place, signs in found.items() if signs}


def _signs(content: bytes) -> set[str]:
    return {sign for sign in SIGNS if sign.encode() in content.lower()}


def _readable(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:4] != b"PAR1":
        return content
    return content + json.dumps(parquet.read_table(path).to_pylist(), default=str, ensure_ascii=False).encode()


def _others(name: str, number: int) -> Iterator[Email]:
    for each in range(6 + number):
        yield Email(
            f"{name}-{each}@else.example", "eve@else.example", f"lunch {each}", f"shall we say at noon on the {each}th?"
        )


def _draft(folder: Path, mails: list[Email]) -> DatasetVersion:
    rows = [
        row_of(email)
        | {"row_id": content_digest(clean(email)), "source": f"{ADDRESS}.mbox#{number}", "label": "ham", "quality": 1.0}
        | {"split": "train" if number % 3 else "holdout", "fold": number % 3 - 1}
        for number, email in enumerate(mails)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, schema=DATASET), folder / "emails.parquet")
    aside = [{"source": f"mails#{number}", "label": "", **row} for number, row in enumerate(ASIDE)]
    parquet.write_table(pa.Table.from_pylist(aside, schema=QUARANTINE), folder / "quarantine.parquet")
    quality = QualityReport(
        rows_read=len(rows) + len(aside),
        rows_kept=len(rows),
        quarantined={"no label": 2, "too few": 1},
        duplicates=0,
        score=0.9,
    )
    (folder / "quality.json").write_text(quality.model_dump_json(indent=2) + "\n")
    (folder / "report.html").write_text(f"<html><td>{ADDRESS}</td><td>{SENTENCE}</td></html>")
    written = parquet.read_table(folder / "emails.parquet").to_pylist()
    return DatasetVersion(
        name="",
        version="",
        digest=digest_of(row_digest(row) for row in written),
        rows=len(rows),
        classes={"ham": len(rows)},
        splits={split: sum(row["split"] == split for row in rows) for split in Split},
        files={path.name: sha256_of(path) for path in sorted(folder.iterdir())},
        lineage=Lineage(
            sources=(SourceRef(uri=f"/mail/{ADDRESS}.mbox", digest="d" * 64, rows=len(rows)),),
            code_commit="none",
            config_digest="none",
        ),
        quality=quality,
        created_at=AT + timedelta(minutes=len(rows)),
    )
