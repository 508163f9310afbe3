"""A local folder as an object store: whole objects or none."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from libs.common.errors import StoreError
from libs.common.stores.objects import LocalObjects, fetch_folder, open_objects


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "store")


def test_bytes_and_files_are_kept_by_key(objects: LocalObjects, tmp_path: Path) -> None:
    objects.put_bytes("a/one", b"1")
    objects.put_bytes("a/one", b"2")
    (tmp_path / "file").write_bytes(b"3")
    objects.put_file("a/b/two", tmp_path / "file")
    objects.get_file("a/b/two", tmp_path / "new" / "copy")
    assert objects.get_bytes("a/one") == b"2"
    assert (tmp_path / "new" / "copy").read_bytes() == b"3"
    assert objects.list() == objects.list("a") == ["a/b/two", "a/one"]
    assert (objects.list("a/o"), objects.list("none/")) == (["a/one"], [])
    objects.delete("a/one")
    objects.delete("a/one")
    assert not objects.exists("a/one")


def test_a_folder_goes_there_and_back(objects: LocalObjects, tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "deep").mkdir(parents=True)
    (source / "x").write_bytes(b"x")
    (source / "deep" / "y").write_bytes(b"y")
    uri = objects.put_folder("models/m", source)
    into = fetch_folder(uri, tmp_path / "cache" / "m")
    assert {path.name: path.read_bytes() for path in into.rglob("*") if path.is_file()} == {"x": b"x", "y": b"y"}
    (into / "x").write_bytes(b"kept")
    assert (fetch_folder(f"file://{uri}", into) / "x").read_bytes() == b"kept"


def test_a_fetch_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds nothing"):
        fetch_folder(str(tmp_path / "store" / "absent"), tmp_path / "cache" / "m")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_write_that_fails_leaves_the_old_object(objects: LocalObjects, tmp_path: Path) -> None:
    objects.put_bytes("key", b"old")
    with pytest.raises(FileNotFoundError):
        objects.put_file("key", tmp_path / "absent")
    assert (objects.get_bytes("key"), objects.list()) == (b"old", ["key"])


FILL = """
import resource, signal, sys
from pathlib import Path
from libs.common.stores.objects import LocalObjects
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
objects, source = LocalObjects(Path(sys.argv[1])), Path(sys.argv[2])
for write in (lambda: objects.put_bytes("key", b"n" * 5000), lambda: objects.put_file("key", source)):
    try:
        write()
    except OSError as error:
        print(error.strerror)
"""


def test_a_write_that_finds_no_room_leaves_the_old_object_and_nothing_beside_it(
    objects: LocalObjects, tmp_path: Path, repo: Path
) -> None:
    objects.put_bytes("key", b"old")
    (tmp_path / "file").write_bytes(b"n" * 5000)
    arguments = [sys.executable, "-c", FILL, tmp_path / "store", tmp_path / "file"]
    said = subprocess.run(arguments, cwd=repo, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["File too large"] * 2
    assert [path.name for path in (tmp_path / "store").rglob("*")] == ["key"]
    assert objects.get_bytes("key") == b"old"


def test_what_is_put_is_on_the_disk_before_it_has_its_name(objects: LocalObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        seen.append((Path(f"/proc/self/fd/{descriptor}").resolve().is_dir(), objects.exists("key")))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    objects.put_bytes("key", b"new")
    assert seen == [(False, False), (True, True)], "first the file, then the folder that names it"


def test_what_a_killed_writer_left_is_no_object_and_is_swept_once_it_is_old(objects: LocalObjects, tmp_path: Path) -> None:
    objects.put_bytes("a/key", b"1")
    left = tmp_path / "store" / "a" / ".partial-killed"
    left.write_bytes(b"half")
    now = datetime.now(UTC)
    assert objects.list() == ["a/key"]
    assert objects.sweep(now - timedelta(days=1)) == 0
    assert left.exists(), "its writer may live"
    assert objects.sweep(now + timedelta(minutes=1)) == 1
    assert not left.exists()
    assert objects.list() == ["a/key"]


@pytest.mark.parametrize("key", ["../out", "/etc/passwd", "a/../../b", ""])
def test_a_key_cannot_leave_the_store(objects: LocalObjects, key: str) -> None:
    with pytest.raises(StoreError, match="no object key"):
        objects.put_bytes(key, b"")


def test_an_absent_object_and_an_unknown_address_are_named(objects: LocalObjects) -> None:
    with pytest.raises(StoreError, match="none does not exist"):
        objects.get_bytes("none")
    with pytest.raises(StoreError, match="ftp://x"):
        open_objects("ftp://x")
    with pytest.raises(StoreError, match="no bucket"):
        open_objects("s3:///x")
