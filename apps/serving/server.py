"""The Serve deployment around a replica."""

import asyncio
from collections.abc import Sequence

from apps.serving.answerer import Call
from apps.serving.api import Api
from apps.serving.autoscaling import CpuMeter
from apps.serving.metrics import ServingMetrics
from apps.serving.neighbour import ask_server
from apps.serving.replica import Connect, Load, Replica
from apps.serving.settings import ReplicaSettings
from apps.serving.slot import ask_slot
from libs.common.domain.model import SUMMARIZER
from libs.common.domain.triage import TriageResult
from libs.common.logs import set_up_logs


class Server:
    """One replica of a model's Serve application: plain ASGI on Serve's ingress, the stable version in this process."""

    async def __init__(self, settings: ReplicaSettings, connect: Connect, load: Load) -> None:
        from ray import serve

        set_up_logs()
        name = serve.get_replica_context().replica_id.unique_id
        stores = await asyncio.to_thread(connect, settings, name)
        metrics = ServingMetrics(settings.model, settings.folders.metrics)
        ask, ask_summarizer = ask_slot(settings.model), ask_server(SUMMARIZER)
        self._replica = Replica(settings, name, stores, load, ask, ask_summarizer, metrics)
        self._meter = CpuMeter(cores=settings.batch.engine_threads)
        await asyncio.to_thread(self._replica.start)

    def __serve_build_asgi_app__(self) -> Api:
        """What Serve's ingress calls."""
        return self._replica.api

    async def answer_all(self, calls: Sequence[Call]) -> list[TriageResult]:
        """What the replicas of another model ask for."""
        return await self._replica.answer_all(calls)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What the autoscaling policy reads of this replica."""
        return {CpuMeter.METRIC: self._meter.read()}

    async def __del__(self) -> None:
        await self._replica.stop()
