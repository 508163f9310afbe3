"""What the APIs of people answer where nothing is asked of them that they know."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from libs.common.desk import explain_errors


@pytest.fixture
def http() -> TestClient:
    api = FastAPI()

    @api.post("/things")
    def make() -> str:
        return "made"

    @api.get("/things")
    def look() -> str:
        return "seen"

    explain_errors(api)
    _ = make, look
    return TestClient(api)


@pytest.mark.parametrize("method", ["OPTIONS", "DELETE"])
def test_a_method_that_a_path_does_not_answer_is_told_all_that_it_does(http: TestClient, method: str) -> None:
    reply = http.request(method, "/things")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["hint"] == "it answers GET, POST"


def test_a_path_that_is_not_there_is_a_problem_document(http: TestClient) -> None:
    reply = http.get("/nothing")
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"] == "/nothing: Not Found"
