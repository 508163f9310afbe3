"""A whole replica on stores in memory, behind an HTTP client."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from apps.serving.answerer import Call
from apps.serving.replica import Replica, ReplicaStores
from libs.common.domain.triage import Email, Prediction, TriageResult
from tests.unit.apps.serving.fakes import (
    SUMMARIZER,
    Classifier,
    CountingMetrics,
    EventsInMemory,
    FeedbackInMemory,
    PrincipalsInMemory,
    Summarizer,
    TrafficInMemory,
    loaded,
    ref,
    settings,
)

BODY = {"message_id": "<1@example.com>", "sender": "ann@example.com", "subject": "Hello", "body": "Lunch?"}


@dataclass
class Room:
    """A replica behind an HTTP client, and what it stands on."""

    http: httpx.AsyncClient
    replica: Replica
    traffic: TrafficInMemory
    feedback: FeedbackInMemory
    events: EventsInMemory
    metrics: CountingMetrics


async def answer_work(digest: str, email: Email) -> Prediction:
    return Prediction("work", 1.0, {"work": 1.0})


async def nobody(calls: Sequence[Call]) -> list[TriageResult]:
    """As Serve does it where no summarizer is deployed."""
    raise RuntimeError("there is no such application")


async def open_room(
    folder: Path,
    ask: Any = answer_work,
    engine: Any = None,
    measure: Any = lambda email: {"words": 1.0},
    ask_summarizer: Any = nobody,
    sampler: Any = None,
    **changed: Any,
) -> Room:
    traffic, feedback, events, metrics = TrafficInMemory(), FeedbackInMemory(), EventsInMemory(), CountingMetrics()
    stores = ReplicaStores(traffic, feedback, PrincipalsInMemory(), events, lambda: None, measure, sampler)
    if changed.pop("live", True):
        traffic.change(stable=ref("1"))
    classifier = engine or Classifier("spam")
    replica = Replica(
        settings(folder, **changed),
        "replica-1",
        stores,
        lambda wanted, _: loaded(wanted.version, classifier=classifier),
        ask,
        ask_summarizer,
        metrics,
    )
    await asyncio.to_thread(replica.start)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(replica.api), base_url="http://serving")
    return Room(http, replica, traffic, feedback, events, metrics)


async def open_summaries(folder: Path, **changed: Any) -> Room:
    """A summarizer's replica; its lines are the subjects."""
    return await open_room(folder, engine=changed.pop("engine", Summarizer()), model=SUMMARIZER, **changed)


async def reach(room: Room, revision: int) -> None:
    async with asyncio.timeout(5):
        while not any(report.revision >= revision for report in room.traffic.reports):
            await asyncio.sleep(0.002)
