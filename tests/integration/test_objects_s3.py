"""The object store on S3's own protocol."""

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.training.reading.ingest import open_source
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError, StoreError
from libs.common.stores.objects import Objects, fetch_folder, open_objects

# botocore's own use of datetime.utcnow, and moto's threads.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")


@pytest.fixture
def objects(s3: Any) -> Objects:
    s3.create_bucket(Bucket="mail")
    return open_objects("s3://mail/below")


def test_objects_and_folders_are_kept_in_a_bucket(objects: Objects, tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.mkdir()
    (source / "x").write_bytes(b"x")
    uri = objects.put_folder("models/m", source)
    objects.put_bytes("other", b"2")
    assert uri == "s3://mail/below/models/m"
    assert objects.list() == ["models/m/x", "other"]
    assert (fetch_folder(uri, tmp_path / "cache") / "x").read_bytes() == b"x"
    assert (objects.exists("other"), objects.get_bytes("other")) == (True, b"2")
    objects.delete("other")
    assert not objects.exists("other")
    with pytest.raises(StoreError, match="other does not exist"):
        objects.get_bytes("other")


def test_an_upload_that_was_never_completed_is_aborted_once_it_is_old(objects: Objects, s3: Any) -> None:
    objects.put_bytes("other", b"2")
    upload = s3.create_multipart_upload(Bucket="mail", Key="below/large")
    s3.upload_part(Bucket="mail", Key="below/large", UploadId=upload["UploadId"], PartNumber=1, Body=b"half")
    s3.create_multipart_upload(Bucket="mail", Key="another/large")
    began = s3.list_multipart_uploads(Bucket="mail")["Uploads"][0]["Initiated"]
    assert objects.sweep(began) == 0
    assert objects.sweep(began + timedelta(seconds=1)) == 1
    assert [left["Key"] for left in s3.list_multipart_uploads(Bucket="mail")["Uploads"]] == ["another/large"]
    assert objects.get_bytes("other") == b"2"


def test_a_key_that_leads_out_of_the_folder_is_not_fetched(objects: Objects, tmp_path: Path) -> None:
    objects.put_bytes("in/../../escaped.eml", b"x")
    with pytest.raises(StoreError, match="outside of its folder"):
        fetch_folder("s3://mail/below/in", tmp_path / "cache" / "in")
    assert not list(tmp_path.rglob("escaped.eml"))


def test_an_archive_of_mail_is_read_from_a_bucket(objects: Objects, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "local.zip", "w") as archive:
        for name in ("c/spam/1.eml", "c/ham/2.eml"):
            archive.writestr(name, f"Subject: {name}\n\nbody\n")
    objects.put_file("archive/mails.zip", tmp_path / "local.zip")
    source = open_source("s3://mail/below/archive/mails.zip", None, tmp_path / "landing")
    mails = [mail for stretch in source.stretches for mail in stretch.read() if isinstance(mail, LabelledEmail)]
    assert [(mail.label, mail.source) for mail in mails] == [("ham", "ham/2.eml"), ("spam", "spam/1.eml")]
    assert source.digest == open_source(str(tmp_path / "local.zip"), None, tmp_path / "landing").digest
    with pytest.raises(DataError, match=r"absent\.zip cannot be fetched"):
        open_source("s3://mail/below/absent.zip", None, tmp_path / "landing")
