"""The training API over flows that only remember: who may do what, how it answers, and what is written to the audit chain."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from apps.training.api import build_api
from apps.training.desk import FLOW, TrainingDesk
from libs.common.desk import PROBLEM
from libs.common.domain.audit import Actor, Role
from libs.common.errors import NotAuthorised, StoreError
from libs.common.stores.orchestrator import FlowRun

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ANN, VIC = {"Authorization": "Bearer ann"}, {"Authorization": "Bearer vic"}
PEOPLE = {"ann": Actor(name="ann", role=Role.ENGINEER), "vic": Actor(name="vic", role=Role.VIEWER)}


class Flows:
    """Runs in memory."""

    def __init__(self) -> None:
        self.runs: dict[str, FlowRun] = {}
        self.keys: dict[str, str] = {}
        self.away = False

    def start_flow(self, name: str, parameters: dict[str, Any], idempotency_key: str | None = None) -> str:
        assert name == FLOW
        if self.away:
            raise StoreError("the Prefect server does not answer", "run `triage up`")
        run_id = self.keys.get(idempotency_key or "") or str(uuid4())
        self.keys |= {idempotency_key: run_id} if idempotency_key else {}
        fresh = FlowRun(id=run_id, state="SCHEDULED", message="", parameters=parameters, started=None, ended=None)
        self.runs.setdefault(run_id, fresh)
        return run_id

    def runs_of(self, name: str, limit: int) -> list[FlowRun]:
        return list(self.runs.values())[::-1][:limit]

    def run_of(self, name: str, run_id: str) -> FlowRun | None:
        return self.runs.get(run_id)

    def logs(self, flow_run_id: str) -> list[str]:
        return [f"fitting for {flow_run_id}"]

    def cancel(self, flow_run_id: str) -> bool:
        if self.runs[flow_run_id].state == "CANCELLED":
            return False
        self.runs[flow_run_id] = self.runs[flow_run_id].model_copy(update={"state": "CANCELLED"})
        return True


class People:
    """Whose token is their name."""

    def authenticate(self, token: str) -> Actor:
        if token not in PEOPLE:
            raise NotAuthorised("the token is unknown", "pass another")
        return PEOPLE[token]


@pytest.fixture
def flows() -> Flows:
    return Flows()


@pytest.fixture
def noted() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def client(flows: Flows, noted: list[tuple[Any, ...]]) -> Iterator[TestClient]:
    desk = TrainingDesk(flows, People(), lambda *event: noted.append(event), lambda: NOW)
    with TestClient(build_api(desk), raise_server_exceptions=False) as client:
        yield client


def test_a_training_is_started_followed_and_cancelled(client: TestClient, noted: list[tuple[Any, ...]]) -> None:
    begun = client.post("/v1/trainings", json={"families": ["tabular"], "profile": "development"}, headers=ANN)
    assert begun.status_code == 202
    training = begun.json()["id"]
    assert begun.json()["parameters"] == {
        "model": "email_classifier",
        "dataset": "emails",
        "version": "latest",
        "families": ["tabular"],
        "tuned": False,
        "seed": 0,
        "profile": "development",
    }
    assert client.get("/v1/trainings", headers=VIC).json() == [begun.json()]
    assert client.get(f"/v1/trainings/{training}", headers=VIC).json() == begun.json()
    assert client.get(f"/v1/trainings/{training}/logs", headers=VIC).json() == [f"fitting for {training}"]
    for _ in range(2):
        ended = client.post(f"/v1/trainings/{training}/cancel", headers=ANN)
        assert (ended.status_code, ended.json()["state"]) == (200, "CANCELLED")
    assert [(event[0].name, event[1], event[2]) for event in noted] == [
        ("ann", "training_ordered", training),
        ("ann", "training_cancelled", training),
    ]


def test_the_same_key_starts_one_training_and_no_other(client: TestClient, flows: Flows) -> None:
    def post(key: str, seed: int) -> Any:
        return client.post("/v1/trainings", json={"seed": seed}, headers={**ANN, "Idempotency-Key": key})

    first, again, other = post("monday", 1), post("monday", 1), post("tuesday", 1)
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    refused = post("monday", 2)
    assert refused.status_code == 422
    assert "was used for another order" in refused.json()["detail"]
    assert len(flows.runs) == 2


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/trainings", {}, 401),
        ("GET", "/v1/trainings", {"Authorization": "Basic YW5u"}, 401),
        ("GET", "/v1/trainings", {"Authorization": "Bearer nobody"}, 401),
        ("POST", "/v1/trainings", VIC, 403),
        ("POST", f"/v1/trainings/{UUID(int=7)}/cancel", VIC, 403),
        ("GET", f"/v1/trainings/{UUID(int=7)}", ANN, 404),
        ("GET", f"/v1/trainings/{UUID(int=7)}/logs", ANN, 404),
        ("POST", f"/v1/trainings/{UUID(int=7)}/cancel", ANN, 404),
        ("GET", "/v1/trainings/seven", ANN, 422),
        ("GET", "/v1/trainings?limit=0", ANN, 422),
    ],
)
def test_what_cannot_be_done_is_a_problem_document(
    client: TestClient, flows: Flows, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    reply = client.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert reply.status_code == status
    assert reply.headers["content-type"] == PROBLEM
    assert reply.json()["status"] == status and reply.json()["detail"] and reply.json()["hint"]
    assert flows.runs == {}


@pytest.mark.parametrize(
    "order",
    [
        {"families": ["oracle"]},
        {"families": ["t5"]},
        {"model": "email_summarizer", "families": ["tabular"]},
        {"profile": "moon"},
        {"sead": 1},
        {"seed": "many"},
        [],
    ],
)
def test_a_faulty_order_starts_nothing(client: TestClient, flows: Flows, order: Any) -> None:
    reply = client.post("/v1/trainings", json=order, headers=ANN)
    assert (reply.status_code, reply.headers["content-type"]) == (422, PROBLEM)
    assert flows.runs == {}


def test_where_the_flows_are_away_it_says_so(client: TestClient, flows: Flows) -> None:
    flows.away = True
    reply = client.post("/v1/trainings", json={}, headers=ANN)
    assert (reply.status_code, reply.json()["detail"]) == (503, "the Prefect server does not answer")
