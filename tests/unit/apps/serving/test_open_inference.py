"""The Open Inference Protocol v2 over the same answers, limits and log."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.apps.serving.fakes import ref
from tests.unit.apps.serving.rooms import reach

INFER = "/v2/models/email_classifier/infer"
RAW = "From: ann@example.com\r\nMessage-ID: <raw@example.com>\r\nSubject: Hi\r\n\r\nLunch?\r\n"


def column(name: str, *elements: Any, **changed: Any) -> dict[str, Any]:
    return {"name": name, "datatype": "BYTES", "shape": [len(elements)], "data": list(elements), **changed}


async def test_server_and_model_say_what_they_are(opened: Callable[..., Any]) -> None:
    room = await opened()
    get = room.http.get
    assert (await get("/v2")).json().keys() == {"name", "version", "extensions"}
    assert (await get("/v2/health/live")).json() == {"live": True}
    assert (await get("/v2/health/ready")).json() == {"ready": True}
    for path in ("/v2/models/email_classifier", "/v2/models/email_classifier/versions/1"):
        model = (await get(path)).json()
        assert (model["name"], model["versions"], model["platform"]) == ("email_classifier", ["1"], "triage_scripted")
        assert [tensor["name"] for tensor in model["inputs"]] == ["email", "subject", "body"]
        assert {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]} in model["outputs"]
        ready = (await get(f"{path}/ready")).json()
        assert ready == {"name": "email_classifier", "version": "1", "ready": True}


async def test_emails_are_answered_as_tensors_and_recorded(opened: Callable[..., Any]) -> None:
    room = await opened()
    email = column("email", json.dumps({"subject": "Hello", "message_id": "<1>"}), RAW)
    reply = await room.http.post(INFER, json={"id": "mine", "inputs": [email]})
    assert reply.status_code == 200, reply.text
    assert reply.headers["x-model-version"] == "1"
    answer = reply.json()
    outputs = {tensor["name"]: tensor for tensor in answer["outputs"]}
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("email_classifier", "1", "mine")
    assert outputs["label"] == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["spam", "spam"]}
    assert outputs["confidence"]["data"] == [0.75, 0.75]
    assert (outputs["probabilities"]["shape"], outputs["probabilities"]["data"]) == ([2, 2], [0.75, 0.25, 0.75, 0.25])
    assert outputs["classes"]["data"] == ["spam", "work"]
    assert sorted(event.request_id for event in room.events.events) == sorted(outputs["request_id"]["data"])


@pytest.mark.parametrize(
    "inputs",
    [
        [column("subject", "Hello", "Bye")],
        [column("subject", "Hello", "Bye"), column("body", "Lunch?", "")],
        [column("body", ["Lunch?"], ["Dinner?"], shape=[2, 1])],
    ],
)
async def test_subjects_and_bodies_may_be_columns(opened: Callable[..., Any], inputs: Any) -> None:
    room = await opened()
    reply = await room.http.post(INFER, json={"inputs": inputs, "outputs": [{"name": "label"}]})
    assert reply.json()["outputs"] == [{"name": "label", "datatype": "BYTES", "shape": [2], "data": ["spam", "spam"]}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"inputs": {}},
        {"inputs": []},
        {"inputs": [5]},
        {"inputs": [column("email")]},
        {"inputs": [column("email", 5)]},
        {"inputs": [column("email", "{no")]},
        {"inputs": [column("email", '{"subject": 5}')]},
        {"inputs": [column("email", "Subject: x", datatype="FP32")]},
        {"inputs": [column("email", "Subject: x", shape=[2])]},
        {"inputs": [column("email", "Subject: x", shape=[1, 1, 1])]},
        {"inputs": [column("email", "Subject: x", shape=[True])]},
        {"inputs": [column("email", "Subject: x", shape=["1"])]},
        {"inputs": [column("email", *["x"] * 257)]},
        {"inputs": [column("sender", "ann@example.com")]},
        {"inputs": [column("email", "x"), column("body", "x")]},
        {"inputs": [column("subject", "x"), column("body", "x", "y")]},
        {"inputs": [column("subject", "x"), column("subject", "x")]},
        {"inputs": [column("subject", "x")], "outputs": [{"name": "logits"}]},
        {"inputs": [column("subject", "x")], "id": 5},
    ],
)
async def test_what_is_no_inference_request_is_refused_in_the_protocols_form(opened: Callable[..., Any], body: Any) -> None:
    room = await opened()
    reply = await room.http.post(INFER, json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/json")
    assert list(reply.json()) == ["error"]
    assert room.events.events == []


async def test_other_models_versions_and_paths_are_not_found(opened: Callable[..., Any]) -> None:
    room = await opened()
    paths = (
        "/v2/models/other",
        "/v2/models/email_classifier/versions/2",
        "/v2/models/email_classifier/versions/2/ready",
        "/v2/x",
    )
    for reply in [await room.http.get(path) for path in paths]:
        assert (reply.status_code, list(reply.json())) == (404, ["error"])
    wrong = await room.http.get(INFER)
    assert (wrong.status_code, wrong.headers["allow"], list(wrong.json())) == (405, "POST", ["error"])


async def test_without_a_model_it_is_live_and_not_ready(opened: Callable[..., Any]) -> None:
    room = await opened(live=False)
    assert (await room.http.get("/v2/health/live")).status_code == 200
    for path in ("/v2/health/ready", "/v2/models/email_classifier", "/v2/models/email_classifier/ready"):
        reply = await room.http.get(path)
        assert (reply.status_code, reply.json()) == (503, {"error": "no model is live; release a version first"})


async def test_a_candidate_answers_its_share(opened: Callable[..., Any]) -> None:
    room = await opened()
    room.traffic.change(candidate=ref("2"), weight=1.0)
    await reach(room, 2)
    answer = (await room.http.post(INFER, json={"inputs": [column("subject", "Hello")]})).json()
    assert answer["model_version"] == "2"
    assert answer["outputs"][0]["data"] == ["work"]
