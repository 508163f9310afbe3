"""`triage dataset diff` and `gc` as people type them, on versions in a state home of their own."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from apps.console.cli import app
from apps.console.session import open_session
from apps.training.datasets.rows import DATASET, ingested_row
from libs.common.domain.audit import Role
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import DataError, NotAuthorised, TriageError
from libs.common.stores.records import migrate
from tests.integration.dataset_folders import draft_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")


def triage(*words: str) -> Result:
    return CliRunner().invoke(app, ["dataset", *words])


def refused(result: Result) -> TriageError:
    assert isinstance(result.exception, TriageError)
    return result.exception


def commit(folder: Path, labels: str, name: str = "emails") -> DatasetVersion:
    """Commit a version whose row ``n`` has the ``n``-th label; every fifth is held out."""
    folder.mkdir()
    rows = [
        ingested_row(n, LabelledEmail(Email(str(n), "a@b", f"subject {n}", "body"), label, "x"))
        | {"row_id": f"row{n}", "quality": 1.0, "split": "train" if n % 5 else "holdout", "fold": n % 5 - 1}
        for n, label in enumerate(labels)
    ]
    parquet.write_table(pa.Table.from_pylist(rows, schema=DATASET), folder / "emails.parquet")
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    draft = draft_of(folder).model_copy(update={"rows": len(labels), "classes": counts})
    return open_session().stores.datasets.commit(name, folder, draft)


@pytest.fixture(autouse=True)
def versions(state_home: Path, tmp_path: Path) -> None:
    state_home.mkdir()
    migrate(open_session().stores.addresses.records)
    commit(tmp_path / "one", "aabb")
    commit(tmp_path / "two", "abbbb")
    commit(tmp_path / "three", "abbbbc")


def test_the_two_latest_are_compared_or_those_that_are_named() -> None:
    lines = triage("diff").stdout.splitlines()
    assert lines[0] == "e-mails\t5\t6\t"
    assert "added\t\t1\trow5" in lines
    assert "class c\t0 (0.0%)\t1 (16.7%)\t+1" in lines
    assert lines[-1] == "drift\t\t\ttoo few e-mails to judge"
    for words in (("emails", "1.0.0", "v1.1.0"), ("1.0.0", "1.1.0"), ("emails/v1.0.0", "emails/v1.1.0")):
        diff = json.loads(triage("diff", *words, "--json").stdout)
        assert (diff["old"], diff["new"]) == ("emails/v1.0.0", "emails/v1.1.0")
        assert diff["relabelled"] == {"a": {"b": {"count": 1, "examples": ["row1"]}}}
    assert json.loads(triage("diff", "1.0.0", "--json").stdout)["new"] == "emails/v1.2.0"


def test_what_cannot_be_compared_is_said() -> None:
    for words, said in (
        (("other",), "other has no two versions to compare; there are: none yet"),
        (("emails", "1.0.0", "1.1.0", "1.2.0"), "3 versions are given"),
        (("emails", "9.0.0"), "there is no dataset emails version 9.0.0"),
        (("emails", "first"), "there is no dataset emails version first"),
    ):
        error = refused(triage("diff", *words))
        assert isinstance(error, DataError)
        assert said in error.message


def test_a_dry_run_says_what_goes_and_the_real_one_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    dry = triage("gc", "emails", "--keep", "1", "--dry-run")
    assert [line.split("\t")[2] for line in dry.stdout.splitlines()[:3]] == ["stays", "goes", "goes"]
    assert dry.stdout.splitlines()[-1].startswith("would be freed: ")
    stores = open_session().stores
    assert isinstance(refused(triage("gc", "--keep", "1")), NotAuthorised)
    assert len(stores.datasets.list("emails")) == 3
    token = stores.records.principals.add("irma", Role.ENGINEER)
    monkeypatch.setenv("TRIAGE_TOKEN", token)
    done = triage("gc", "--keep", "1")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == dry.stdout.splitlines()[-1].removeprefix("would be ")
    assert [version.tag for version in stores.datasets.list("emails")] == ["emails/v1.2.0"]
    assert [event.subject for event in stores.records.audit.events(0) if event.actor.name == "irma"] == [
        "emails/v1.0.0",
        "emails/v1.1.0",
    ]
    assert "there is no dataset other version latest" in refused(triage("gc", "other", "--keep", "1")).message
