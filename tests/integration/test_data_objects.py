"""Content by its MD5 as DVC lays it out, in the cache and on a remote that is a folder or a bucket."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import StoreError
from libs.common.stores.data_objects import DataObjects, md5_in, pointer_to

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")

POINTER = "outs:\n- md5: aaaa\n  size: 7\n  hash: md5\n  path: emails.parquet\n"


@pytest.fixture(params=["folder", "bucket"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "remote")
        return
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    import boto3

    client: Any = boto3.client("s3")
    client.create_bucket(Bucket="versions")
    yield "s3://versions/below"
    server.stop()


def test_content_is_kept_twice_read_from_either_and_removed_from_both(remote: str, tmp_path: Path) -> None:
    objects = DataObjects(tmp_path / "workspace", remote)
    path = tmp_path / "content"
    path.write_text("content")
    md5 = objects.add(path)
    (cached,) = (kept for kept in (tmp_path / "workspace" / ".dvc" / "cache" / "files" / "md5").rglob("*") if kept.is_file())
    assert (cached.parent.name + cached.name, cached.stat().st_mode & 0o777) == (md5, 0o444)
    assert objects.cached() == {md5}
    cached.unlink()
    assert objects.fetch(md5, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text() == "content"
    assert objects.add(path) == md5
    objects.remove([md5])
    assert objects.cached() == set()
    assert not objects.fetch(md5, tmp_path / "again")


def test_a_pointer_names_other_content_and_keeps_the_rest() -> None:
    changed = pointer_to("bbbb", 9, like=POINTER)
    assert md5_in(changed) == "bbbb"
    assert changed == POINTER.replace("aaaa", "bbbb").replace("7", "9")
    with pytest.raises(StoreError, match="names no content"):
        md5_in("meta: {}\n")
