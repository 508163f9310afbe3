"""One flipped byte, in the audit chain, in a model or in a dataset, is found, and the message says where."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.e2e.platform import MODEL, Platform

pytestmark = pytest.mark.timeout(300)


@contextmanager
def flipped_byte(path: Path) -> Iterator[None]:
    """One byte in the middle of a file, flipped for as long as the block lasts."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(damaged))
    try:
        yield
    finally:
        path.write_bytes(whole)


def test_in_a_model_file(platform: Platform) -> None:
    version = platform.stores.registry.get(MODEL)
    victim = next(path for path in sorted(Path(version.uri).iterdir()) if path.suffix == ".safetensors")
    platform.run("model", "verify", MODEL, version.version)
    with flipped_byte(victim):
        done = platform.run("model", "verify", MODEL, version.version, check=False)
    assert done.returncode == 1
    assert victim.name in done.stderr


def test_in_a_dataset_file(platform: Platform) -> None:
    platform.run("dataset", "verify")
    with flipped_byte(Path(platform.stores.addresses.datasets) / "emails" / "emails.parquet"):
        done = platform.run("dataset", "verify", check=False)
    assert done.returncode == 1
    assert "emails.parquet was changed in the data workspace" in done.stderr


def test_in_the_audit_chain(platform: Platform) -> None:
    platform.run("audit", "verify")
    with closing(sqlite3.connect(platform.stores.addresses.records.removeprefix("sqlite:///"))) as database:
        whole = database.execute("SELECT details FROM audit WHERE seq = 3").fetchone()[0]
        changed = whole.replace("a", "b", 1)
        assert changed != whole
        try:
            _write_details(database, changed)
            done = platform.run("audit", "verify", check=False)
        finally:
            _write_details(database, whole)
    assert done.returncode == 1
    assert "record 3" in done.stderr
    platform.run("audit", "verify")


def _write_details(database: sqlite3.Connection, details: str) -> None:
    database.execute("UPDATE audit SET details = ? WHERE seq = 3", (details,))
    database.commit()
