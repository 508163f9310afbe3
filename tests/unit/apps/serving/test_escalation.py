"""Under pressure a reply, its event and the counters say whether the second stage of a model was asked."""

import asyncio
from collections.abc import Callable
from typing import Any

from apps.serving.batcher import BatchLimits
from libs.common.domain.triage import Escalated
from tests.unit.apps.serving.rooms import BODY
from tests.unit.apps.serving.test_batcher import until
from tests.unit.apps.serving.test_engine import cascade, heavy_of

UNSURE, SURE = BODY | {"body": "0.45"}, BODY | {"body": "0.05"}


async def test_reply_event_and_counter_tell_what_the_second_stage_did(opened: Callable[..., Any]) -> None:
    both = cascade()
    room = await opened(engine=both, batch=BatchLimits(max_batch_size=8, queue_size=8, escalation_queue_size=1))
    asked = [asyncio.create_task(room.http.post("/v1/classify", json=UNSURE))]
    await until(lambda: heavy_of(both).batches == [1])
    asked.append(asyncio.create_task(room.http.post("/v1/classify", json=UNSURE)))
    await until(lambda: room.metrics.gauges[0] == 1)
    shed, sure = (await room.http.post("/v1/classify", json=UNSURE), await room.http.post("/v1/classify", json=SURE))
    heavy_of(both).gate.set()
    replies = [shed, sure, *await asyncio.gather(*asked)]
    assert [reply.status_code for reply in replies] == [200] * 4
    assert [reply.json()["escalation"] for reply in replies] == ["shed", "none", "done", "done"]
    by_id = {event.request_id: event.escalation for event in room.events.events}
    assert [by_id[reply.json()["request_id"]] for reply in replies] == [
        Escalated.SHED,
        Escalated.NONE,
        Escalated.DONE,
        Escalated.DONE,
    ]
    assert room.metrics.escalations == {"shed": 1, "none": 1, "done": 2}


async def test_an_answer_given_under_pressure_is_not_kept(opened: Callable[..., Any]) -> None:
    both = cascade()
    limits = BatchLimits(max_batch_size=8, queue_size=8, escalation_queue_size=1)
    room = await opened(engine=both, batch=limits, result_cache_bytes=100_000, result_ttl_s=60.0)
    await until(lambda: hasattr(room.metrics, "kept_bytes"))  # the first tick drops what was kept before it
    asked = [asyncio.create_task(room.http.post("/v1/classify", json=UNSURE))]
    await until(lambda: heavy_of(both).batches == [1])
    asked.append(asyncio.create_task(room.http.post("/v1/classify", json=UNSURE | {"subject": "Another"})))
    await until(lambda: room.metrics.gauges[0] == 1)
    third = UNSURE | {"subject": "A third"}
    assert (await room.http.post("/v1/classify", json=third)).json()["escalation"] == "shed"
    heavy_of(both).gate.set()
    await asyncio.gather(*asked)
    better = (await room.http.post("/v1/classify", json=third)).json()
    assert (better["escalation"], better["cached"]) == ("done", False)
    kept = (await room.http.post("/v1/classify", json=third)).json()
    assert (kept["escalation"], kept["cached"]) == ("done", True)
