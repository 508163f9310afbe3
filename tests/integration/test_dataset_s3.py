"""Mail from S3, versions on S3: what is deleted here comes back from there as it was."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.training.datasets.build import BuildRequest, build_dataset, read_dataset
from apps.training.provenance import Stamp
from libs.common.domain.dataset import DatasetVersion
from libs.common.stores.datasets import DatasetStore
from tests.integration.dataset_folders import draft_of, folder_with

# botocore's own use of datetime.utcnow, and moto's threads.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:botocore",
    "ignore::DeprecationWarning:ray",
    "ignore::FutureWarning:ray",
    "ignore::ResourceWarning",
)


def mails(count: int) -> bytes:
    rows = ({"subject": f"subject {n}", "body": f"the body of mail number {n}", "label": "ab"[n % 2]} for n in range(count))
    return "\n".join(json.dumps(row) for row in rows).encode()


def built(store: DatasetStore, seed: int = 0) -> DatasetVersion:
    request = BuildRequest(name="mail", sources=("s3://raw/2026/mails.jsonl",), seed=seed)
    return build_dataset(request, store, Stamp(datetime(2026, 1, 1, tzinfo=UTC), "abc", "def"))


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="versions").get("Contents", ())}


@pytest.mark.usefixtures("connected")
def test_a_version_outlives_its_local_copy(s3: Any, tmp_path: Path) -> None:
    for bucket in ("raw", "versions"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="raw", Key="2026/mails.jsonl", Body=mails(60))
    root = tmp_path / "datasets"
    store = DatasetStore(root, "s3://versions/versioned-datasets/")
    version = built(store)
    pushed = keys(s3)
    assert len(pushed) == len(version.files)
    assert all(key.startswith("versioned-datasets/files/md5/") for key in pushed)

    shutil.rmtree(root / ".dvc" / "cache")
    shutil.rmtree(root / "mail")
    folder = store.checkout("mail", "latest", tmp_path / "out")
    assert read_dataset(folder).num_rows == version.rows == 60
    assert DatasetVersion.model_validate_json((folder / "manifest.json").read_text()) == version

    shutil.rmtree(root / ".dvc" / "cache", ignore_errors=True)
    assert built(store).digest == version.digest  # the same mail, the same content: no new version
    following = built(store, seed=1)
    assert (following.tag, store.verify("mail"), store.verify("mail", "1.0.0")) == ("mail/v1.1.0", [], [])

    freed = store.drop([version])
    left = keys(s3)
    assert {"".join(key.split("/")[-2:]) for key in pushed - left} == set(freed.remote)
    assert freed.remote_bytes > 0
    shutil.rmtree(root / ".dvc" / "cache")
    assert read_dataset(store.checkout("mail", "latest", tmp_path / "kept")).num_rows == 60


def test_content_that_was_removed_from_the_remote_meanwhile_is_pushed_again(s3: Any, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="versions")
    store, folder = DatasetStore(tmp_path / "datasets", "s3://versions/again"), folder_with(tmp_path / "one", b"first")
    before = keys(s3)
    store.commit("mail", folder, draft_of(folder))
    pushed = keys(s3) - before
    for key in pushed:
        s3.delete_object(Bucket="versions", Key=key)
    store.commit("copy", folder, draft_of(folder))
    assert keys(s3) - before == pushed != set()
