"""A version built again from its lineage: the same digest, or what differs first."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.datasets.rebuild import first_difference, rebuild
from apps.training.provenance import Stamp
from flows.context import open_context
from flows.rebuild_dataset import rebuild_dataset
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.triage import Email, Feedback
from libs.common.errors import DataError
from libs.common.stores.datasets import DatasetStore
from libs.common.stores.records import migrate

pytestmark = [
    pytest.mark.usefixtures("connected"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::FutureWarning:ray"),
]

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def write_mails(path: Path, labels: str) -> str:
    rows = [
        {"subject": f"subject {n}", "body": f"the body of the mail with the number {n}", "label": x}
        for n, x in enumerate(labels)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def said(request_id: str, at: datetime) -> Feedback:
    email = Email(request_id, "x@y", f"about {request_id}", f"the body of the mail {request_id}", sent_at=NOW)
    return Feedback(request_id, "m", "b", "anna", at, email)


def again(version: DatasetVersion, *feedback: Feedback, code_commit: str = "abc") -> DatasetVersion:
    return rebuild(version, Stamp(NOW + timedelta(days=300), code_commit, "def"), feedback)


def test_a_rebuild_gives_the_same_digest_and_commits_nothing(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", "ab" * 30)
    request = BuildRequest(
        name="mail", sources=("synthetic://?n=200&seed=3", path), relabel={"a": "c"}, seed=4, holdout=0.3, folds=3
    )
    then, after = said("r1", NOW - timedelta(days=1)), said("r2", NOW + timedelta(days=1))
    version = build_dataset(request, store, Stamp(NOW, "abc", "def"), (then,))
    assert first_difference(version, again(version, then, after, code_commit="later")) == ""
    assert store.list("mail") == [version]
    assert first_difference(version, again(version)).startswith("the source feedback: is gone: it gave 1 ")


def test_what_differs_is_named_and_a_source_that_is_gone_too(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", "ab" * 30)
    request = BuildRequest(name="mail", sources=(path,))
    version = build_dataset(request, store, Stamp(NOW, "abc", "def"))
    write_mails(tmp_path / "m.jsonl", "ab" * 31)
    assert first_difference(version, again(version)).startswith(f"the source {path} was changed: SHA-256 ")
    (tmp_path / "m.jsonl").unlink()
    with pytest.raises(DataError, match=r"m\.jsonl does not exist"):
        again(version)


def test_the_lineage_lies_beside_the_content_and_tells_when_it_was_built(store: DatasetStore, tmp_path: Path) -> None:
    request = BuildRequest(name="mail", sources=(write_mails(tmp_path / "m.jsonl", "ab" * 30),))
    version = build_dataset(request, store, Stamp(NOW, "abc", "def"))
    elsewhere = DatasetStore(tmp_path / "elsewhere", str(tmp_path / "remote"))
    later = build_dataset(request, elsewhere, Stamp(NOW + timedelta(days=9), "abd", "deg"))
    assert version.digest == later.digest
    assert version.files["lineage.json"] != later.files["lineage.json"]
    start, complete = json.loads((store.checkout("mail", "latest", tmp_path / "out") / "lineage.json").read_text())
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert NOW.isoformat() == start["eventTime"] < complete["eventTime"]
    assert complete["outputs"][0]["facets"]["triage_digest"]["sha256"] == version.digest
    assert complete["inputs"][0]["facets"]["triage_digest"]["sha256"] == version.lineage.sources[0].digest
    (tmp_path / "datasets" / "mail" / "lineage.json").write_text("[]")
    assert ["lineage.json was changed" in fault for fault in store.verify("mail")] == [True]


def test_the_flow_says_that_it_is_the_same_or_fails_with_what_differs(state_home: Path, tmp_path: Path) -> None:
    state_home.mkdir()
    open_context.cache_clear()
    stores = open_context().stores
    migrate(stores.addresses.records)
    path = write_mails(tmp_path / "m.jsonl", "ab" * 30)
    request = BuildRequest(name="mail", sources=(path,))
    version = build_dataset(request, stores.datasets, Stamp(NOW, "abc", "def"))
    assert rebuild_dataset.fn("mail", "1.0.0").message == f"mail/v1.0.0 comes out the same: SHA-256 {version.digest}"
    write_mails(tmp_path / "m.jsonl", "ab" * 31)
    with pytest.raises(DataError, match=r"mail/v1\.0\.0 comes out differently: the source .*m\.jsonl was changed"):
        rebuild_dataset.fn("mail")
    assert stores.datasets.list("mail") == [version]
    stores.records.close()
    open_context.cache_clear()
