"""The batch API over real records and jobs that only remember: who may do what, how it answers, and what is written down."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pyarrow import parquet

from apps.serving.batch.plan import PartList, Tally
from apps.serving.batches.api import at_its_prefix, build_api
from apps.serving.batches.desk import BatchDesk, BatchRules
from apps.serving.batches.keeping import forget_ended
from libs.common.desk import PROBLEM
from libs.common.domain.audit import Actor, Role
from libs.common.domain.batch import Batch, Work, begin, finish
from libs.common.errors import NotAuthorised, StoreError
from libs.common.stores.objects import LocalObjects
from libs.common.stores.records import Records, migrate, open_records
from tests.unit.apps.serving.test_contract import DOCUMENT, Answer, require_documented, resolved

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ANN, BOB, VIC = ({"Authorization": f"Bearer {name}"} for name in ("ann", "bob", "vic"))
ROLES = {"ann": Role.ENGINEER, "bob": Role.APPROVER, "vic": Role.VIEWER}
MBOX = {"Content-Type": "application/mbox"}
LIMIT_BYTES = 1000


@dataclass
class Jobs:
    """What was started, in memory."""

    known: dict[str, Work] = field(default_factory=dict[str, Work])
    away: bool = False

    def start(self, batch: Batch) -> None:
        self._answer()
        self.known.setdefault(batch.job, Work.ALIVE)

    def work(self, batch: Batch) -> Work:
        self._answer()
        return self.known.get(batch.job, Work.UNKNOWN)

    def stop(self, batch: Batch) -> None:
        self._answer()
        self.known[batch.job] = Work.ENDED

    def end_all(self) -> None:
        self.known = dict.fromkeys(self.known, Work.ENDED)

    def _answer(self) -> None:
        if self.away:
            raise StoreError("Ray does not answer", "run `triage up`")


class People:
    """Whose token is their name."""

    def authenticate(self, token: str) -> Actor:
        if token not in ROLES:
            raise NotAuthorised("the token is unknown", "pass another")
        return Actor(name=token, role=ROLES[token])


@dataclass
class Room:
    """The API, and what stands behind it."""

    client: TestClient
    jobs: Jobs
    records: Records
    objects: LocalObjects
    root: Path
    routes: set[tuple[str, str]]

    def order(self, headers: dict[str, str] = ANN, **said: Any) -> Any:
        return self.client.post("/v1/batch", json={"source": str(self.root / "m.mbox"), **said}, headers=headers)

    def send(self, content: bytes, **headers: str) -> Any:
        return self.client.post("/v1/batch", content=content, headers={**ANN, **MBOX, **headers})

    def done(self, batch: str, fault: str = "") -> None:
        self.records.batches.change(batch, lambda found: begin(found, found.attempt, "3", NOW))
        self.records.batches.change(batch, lambda found: finish(found, found.attempt, fault, NOW))

    @property
    def noted(self) -> list[tuple[str, str, str]]:
        return [(event.actor.name, event.action, event.subject) for event in self.records.audit.events()]

    @property
    def uploads(self) -> list[str]:
        return [name for name in self.objects.list("batches/") if "/result/" not in name]


def require_documented_reply(response: Any) -> None:
    """Every reply of these tests is one that openapi.json documents."""
    response.read()
    request = response.request
    template = re.sub(r"/v1/batch/[^/]+", "/v1/batch/{batch}", request.url.path)
    template = re.sub(r"(result|quarantine)/[^/]+$", r"\1/{part}", template)
    if template in DOCUMENT["paths"]:
        documented = DOCUMENT["paths"][template][request.method.lower()]["responses"]
        found = resolved(documented[str(response.status_code)])
        require_documented(found, Answer(response.status_code, dict(response.headers), response.content))


def test_every_route_is_documented_and_every_documented_one_is_there(room: Room) -> None:
    there = {
        (path, method.upper())
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if path.startswith("/v1/batch")
    }
    assert there == room.routes


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    url = f"sqlite:///{tmp_path}/records.db"
    migrate(url)
    records, objects, jobs, root = open_records(url), LocalObjects(tmp_path / "objects"), Jobs(), tmp_path / "mail"
    root.mkdir()
    (root / "m.mbox").touch()
    rules = BatchRules(("email_classifier",), (str(root),), LIMIT_BYTES, open_limit=2)
    desk = BatchDesk(records.batches, objects, jobs, People(), records.audit.append, rules, lambda: NOW)
    api = build_api(desk, objects)
    routes = {(route.path, method) for route in api.routes if isinstance(route, APIRoute) for method in route.methods}
    app: Any = at_its_prefix(api)
    with TestClient(app, raise_server_exceptions=False, root_path="/v1/batch") as client:
        client.event_hooks["response"] = [require_documented_reply]
        yield Room(client, jobs, records, objects, root, routes)
    records.close()


def test_a_batch_is_ordered_followed_and_cancelled_by_its_owner_alone(room: Room) -> None:
    ordered = room.order(version="2", columns={"body": "text"})
    assert ordered.status_code == 202, ordered.text
    batch = ordered.json()
    assert (batch["state"], batch["owner"], batch["order"]["version"]) == ("queued", "ann", "2")
    assert room.client.get(f"/v1/batch/{batch['id']}", headers=ANN).json() == batch
    assert room.client.get("/v1/batch", headers=ANN).json() == [batch]
    assert room.client.get("/v1/batch", headers=BOB).json() == []
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/result/0"), ("POST", "/cancel"), ("POST", "/resume")):
        assert room.client.request(method, f"/v1/batch/{batch['id']}{path}", headers=BOB).status_code == 404
    for _ in range(2):
        assert room.client.post(f"/v1/batch/{batch['id']}/cancel", headers=ANN).json()["state"] == "cancelled"
    assert room.noted == [("ann", "batch_ordered", batch["id"]), ("ann", "batch_cancelled", batch["id"])]


def test_the_same_key_is_one_batch_which_goes_on_where_its_job_was_killed(room: Room) -> None:
    key = {"Idempotency-Key": "monday"}
    first, again = (room.order({**ANN, **key}).json() for _ in range(2))
    assert first == again
    assert len(room.jobs.known) == 1
    assert room.order({**BOB, **key}).json()["id"] != first["id"], "keys are the caller's own"
    assert room.order({**ANN, **key}, version="9").status_code == 422
    room.jobs.end_all()
    assert room.client.get(f"/v1/batch/{first['id']}", headers=ANN).json()["state"] == "interrupted"
    resumed = room.order({**ANN, **key}).json()
    assert (resumed["id"], resumed["state"], resumed["attempt"]) == (first["id"], "queued", 2)
    room.done(first["id"], "no e-mail in it")
    assert room.client.post(f"/v1/batch/{first['id']}/resume", headers=ANN).json()["attempt"] == 3
    room.done(first["id"])
    assert room.order({**ANN, **key}).json()["state"] == "succeeded"
    assert [action for _, action, subject in room.noted if subject == first["id"]] == [
        "batch_ordered",
        "batch_resumed",
        "batch_resumed",
    ]


def test_what_is_sent_is_kept_under_a_name_of_ours_until_it_is_cancelled(room: Room) -> None:
    batch = room.send(b"From x", **{"Idempotency-Key": "a"}).json()
    assert room.uploads == [f"batches/{batch['id']}/mail.mbox"]
    assert room.objects.get_bytes(room.uploads[0]) == b"From x"
    assert room.send(b"From x", **{"Idempotency-Key": "a"}).json() == batch
    assert room.send(b"From y", **{"Idempotency-Key": "a"}).status_code == 422
    assert len(room.uploads) == 1
    room.client.post(f"/v1/batch/{batch['id']}/cancel", headers=ANN)
    assert room.uploads == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * (LIMIT_BYTES + 1), {}, 413),
        (b"", {}, 422),
        (b"x", {"Content-Type": "message/rfc822"}, 415),
        (b"x", {"Content-Type": ""}, 415),
        (b"x", {"Authorization": "Bearer vic"}, 403),
        (b"x", {"Authorization": "Bearer nobody"}, 401),
        (b"[]", {"Content-Type": "application/json"}, 422),
        (b'{"source": "/etc/passwd"}', {"Content-Type": "application/json"}, 403),
        (b'{"source": "m.mbox"}', {"Content-Type": "application/json"}, 422),
        (b'{"source": "/m", "sauce": 1}', {"Content-Type": "application/json"}, 422),
        (b" " * 70_000, {"Content-Type": "application/json"}, 413),
    ],
)
def test_a_faulty_order_starts_and_keeps_nothing(room: Room, content: bytes, headers: dict[str, str], status: int) -> None:
    reply = room.send(content, **headers)
    assert (reply.status_code, reply.headers["content-type"], reply.json()["status"]) == (status, PROBLEM, status)
    assert reply.json()["detail"] and reply.json()["hint"]
    assert (room.jobs.known, room.uploads, room.noted) == ({}, [], [])


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_at_the_limit(room: Room) -> None:
    pieces = iter([b"x" * 600] * 2)
    reply = room.client.post("/v1/batch", content=pieces, headers={**ANN, **MBOX})
    assert reply.status_code == 413
    assert room.uploads == []


@pytest.mark.parametrize("said", [{"model": "oracle"}, {"columns": {"text": "body"}}])
def test_an_unknown_model_or_field_is_named(room: Room, said: dict[str, Any]) -> None:
    reply = room.order(**said)
    assert (reply.status_code, room.jobs.known) == (422, {})


def test_only_so_many_are_open_at_once_and_the_killed_do_not_count(room: Room) -> None:
    assert [room.order().status_code for _ in range(3)] == [202, 202, 429]
    assert room.order().headers["retry-after"]
    room.jobs.end_all()
    assert room.order().status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/batch", {}, 401),
        ("GET", "/v1/batch", {"Authorization": "Basic YW5u"}, 401),
        ("GET", f"/v1/batch/{UUID(int=7)}", ANN, 404),
        ("GET", f"/v1/batch/{UUID(int=7)}/result/0", ANN, 404),
        ("POST", f"/v1/batch/{UUID(int=7)}/cancel", VIC, 403),
        ("POST", f"/v1/batch/{UUID(int=7)}/resume", VIC, 403),
        ("GET", "/v1/batch/..%2f..%2fetc", ANN, 404),
        ("GET", "/v1/batch/seven", ANN, 422),
        ("GET", f"/v1/batch/{UUID(int=7)}/result/x", ANN, 422),
    ],
)
def test_what_cannot_be_done_is_said(room: Room, method: str, path: str, headers: dict[str, str], status: int) -> None:
    assert room.client.request(method, path, headers=headers).status_code == status


def test_where_ray_is_away_a_batch_is_told_as_it_was_known_and_none_begins(room: Room) -> None:
    batch = room.order().json()
    room.jobs.away = True
    assert room.client.get(f"/v1/batch/{batch['id']}", headers=ANN).json() == batch
    refused = room.order({**ANN, "Idempotency-Key": "later"})
    assert (refused.status_code, refused.json()["detail"]) == (503, "Ray does not answer")
    room.jobs.away = False
    assert room.order({**ANN, "Idempotency-Key": "later"}).status_code == 202
    assert len(room.jobs.known) == 2


def test_what_ended_long_ago_is_forgotten_with_its_files(room: Room) -> None:
    done, still = (room.send(content).json()["id"] for content in (b"From x", b"From y"))
    room.done(done, "no e-mail in it")
    assert forget_ended(room.records.batches, room.objects, NOW) == 0
    assert forget_ended(room.records.batches, room.objects, NOW + timedelta(seconds=1)) == 1
    assert [batch["id"] for batch in room.client.get("/v1/batch", headers=ANN).json()] == [still]
    assert room.uploads == [f"batches/{still}/mail.mbox"]


def test_parts_are_listed_with_digests_and_given_as_parquet_or_lines(room: Room) -> None:
    batch = room.order().json()["id"]
    path = f"/v1/batch/{batch}/result"
    assert room.client.get(path, headers=ANN).status_code == 409
    content = BytesIO()
    parquet.write_table(pa.table({"label": ["spam", "work"]}), content)
    tally = Tally(part=0, labels={"spam": 1, "work": 1}, quarantined=1, digest="d" * 64, size_bytes=9)
    folder = f"batches/{batch}/result"
    room.objects.put_bytes(f"{folder}/part-000000.parquet", content.getvalue())
    room.objects.put_bytes(f"{folder}/_quarantine/part-000000.parquet", content.getvalue())
    room.objects.put_bytes(f"{folder}/_parts.json", PartList(parts=(tally,)).model_dump_json().encode())
    room.done(batch)
    assert room.client.get(path, headers=ANN).json() == {
        "id": batch,
        "version": "3",
        "labels": {"spam": 1, "work": 1},
        "quarantined": 1,
        "parts": [{"part": 0, "mails": 2, "quarantined": 1, "size_bytes": 9, "digest": "d" * 64}],
    }
    assert room.client.get(f"{path}/0", headers=ANN).content == content.getvalue()
    assert room.client.get(f"{path}/0?form=jsonl", headers=ANN).text == '{"label":"spam"}\n{"label":"work"}\n'
    assert room.client.get(f"/v1/batch/{batch}/quarantine/0", headers=ANN).content == content.getvalue()
    assert room.client.get(f"{path}/1", headers=ANN).status_code == 404
