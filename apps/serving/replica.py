"""The parts of one replica, put together: traffic, engine, recorder and routes. Knows nothing of Ray."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.serving.answerer import Answerer, Call
from apps.serving.api import Api
from apps.serving.background import Repeating
from apps.serving.calls import all_or_none
from apps.serving.doorman import Doorman
from apps.serving.engine import EngineRoom
from apps.serving.feedback import FeedbackDesk, FeedbackStore, Principals
from apps.serving.idempotency import Idempotency
from apps.serving.key_ring import KeyRing
from apps.serving.loading import LoadedModel, load_model
from apps.serving.metrics import ServingMetrics
from apps.serving.model_cache import ModelCache
from apps.serving.neighbour import AskAll, Neighbour
from apps.serving.observing import Observer
from apps.serving.recorder import EventWriter, Recorder
from apps.serving.result_cache import ResultCache
from apps.serving.router import Routes
from apps.serving.routes import ClassifierRoutes, summarizer_routes
from apps.serving.sampler import Sampler, SampleWriter, own_key
from apps.serving.settings import ReplicaSettings, Sampling
from apps.serving.slot import Ask, SlotLine
from apps.serving.traffic import TrafficFollower, TrafficStore
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.domain.triage import Email, TriageResult

# Nobody waits for a sample: fewer, longer files.
SAMPLES_AGE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ReplicaStores:
    """What a replica reads from and writes to; ``ship`` moves segments that are due to the object store."""

    traffic: TrafficStore
    feedback: FeedbackStore
    principals: Principals
    events: EventWriter
    ship: Callable[[], object]
    features: Callable[[Email], dict[str, float]]
    sampler: Sampler | None = None


Connect = Callable[[ReplicaSettings, str], ReplicaStores]
Load = Callable[[ModelRef, ReplicaSettings], LoadedModel]


def connect_stores(settings: ReplicaSettings, replica: str) -> ReplicaStores:
    """The real stores behind the addresses of ``settings``."""

    from libs.common.connect import connect
    from libs.common.stores.predictions import SAMPLES, SegmentWriter, ship_segments

    stores = connect(settings.addresses)
    folder = settings.folders.predictions
    events = SegmentWriter(folder, replica, max_age=settings.ship_interval)
    samples = SegmentWriter(settings.folders.samples, replica, SAMPLES_AGE, reserve_bytes=settings.disk_reserve_bytes)

    def ship() -> None:
        events.rotate(_utc_now())
        ship_segments(folder, stores.objects)
        samples.rotate(_utc_now())
        ship_segments(settings.folders.samples, stores.objects, root=SAMPLES)

    return ReplicaStores(
        traffic=stores.records.traffic,
        feedback=stores.records.feedback,
        principals=stores.records.principals,
        events=events,
        ship=ship,
        features=measure_features,
        sampler=_open_sampler(settings.sampling, samples) if settings.sampling else None,
    )


def _open_sampler(sampling: Sampling, writer: SampleWriter) -> Sampler:
    key = (sampling.key.encode() or own_key(sampling.own_key)) if sampling.hash_inputs else None
    return Sampler(sampling.rate, key, writer)


def measure_features(email: Email) -> dict[str, float]:
    """The numeric facts that drift is measured on."""
    from libs.common.features.drift_features import monitored_features

    return monitored_features(email)


def load_from_store(ref: ModelRef, settings: ReplicaSettings) -> LoadedModel:
    """Load ``ref`` from the object store, by way of this node's model folder."""
    from libs.common.models.signing import trusted_key

    return load_model(ref, settings.folders.models, trusted_key(settings.addresses.signing), settings.intra_op_threads)


class Replica:
    """One replica of one model: ``api`` answers between ``start`` and ``stop``.

    ``ask`` reaches the model's own candidate, ``ask_summarizer`` the summarizers' server.
    """

    def __init__(
        self,
        settings: ReplicaSettings,
        name: str,
        stores: ReplicaStores,
        load: Load,
        ask: Ask,
        ask_summarizer: AskAll,
        metrics: ServingMetrics,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._cache = ModelCache(lambda ref: load(ref, settings), settings.cache_bytes)
        self._traffic = TrafficFollower(
            settings.model,
            name,
            stores.traffic,
            self._cache,
            settings.report_interval,
            lambda: self._metrics.fault("store_away"),
            settings.warm,
        )
        self._results = ResultCache(settings.result_cache_bytes, settings.result_ttl_s) if settings.result_cache_bytes else None
        self._recorder = Recorder(stores.events, stores.ship, self._metrics.fault, stores.sampler)
        self._answerer = Answerer(
            settings,
            self._traffic,
            SlotLine(ask, settings.candidate_timeout_s),
            self._recorder,
            self._metrics,
            EngineRoom(settings.batch, self._metrics.batched),
            stores.features,
            _utc_now,
            self._results,
        )
        keys = settings.http.keys
        ring = KeyRing(stores.principals, keys.remember.total_seconds(), time.monotonic)
        doorman = Doorman(keys, ring, time.time) if keys.required else None
        kept = settings.http.idempotency
        self._idempotency = Idempotency(kept.keep.total_seconds(), kept.size, time.monotonic)
        self._forgotten_at: datetime | None = None
        watch = settings.observation
        self._observer = Observer(settings.model, watch, self._metrics.fault) if watch else None
        self.api = Api(self._routes(stores, ask_summarizer, doorman), self._metrics, settings, doorman, self._observer)
        self._threads = (
            Repeating("traffic", settings.poll_interval, self._tick),
            Repeating("shipping", settings.ship_interval, self._recorder.ship),
        )

    def _routes(self, stores: ReplicaStores, ask_summarizer: AskAll, doorman: Doorman | None) -> Routes:
        settings, idempotency = self._settings, self._idempotency
        if settings.model == SUMMARIZER:
            return summarizer_routes(self._answerer, idempotency, doorman)
        desk = FeedbackDesk(settings.model, stores.feedback, stores.principals, _utc_now)
        summarizer = Neighbour(SUMMARIZER, ask_summarizer, settings.summary_timeout_s)
        return ClassifierRoutes(settings, self._answerer, summarizer, desk, self._metrics, idempotency, doorman).routes

    async def answer_all(self, calls: Sequence[Call]) -> list[TriageResult]:
        """The answers that another model's replica asks for, in the order of ``calls``."""
        return await all_or_none(map(self._answerer.answer, calls))

    def start(self) -> None:
        """Load what the traffic names, then keep following it; blocks until the replica can answer."""
        self._traffic.start(_utc_now(), self._settings.start_timeout_s)
        for thread in self._threads:
            thread.start()

    async def stop(self) -> None:
        """Finish what is under way and ship what can be shipped."""
        await self._answerer.settle()
        for thread in self._threads:
            thread.stop()
        self._traffic.stop()
        if self._observer:
            await asyncio.to_thread(self._observer.close)

    def _tick(self) -> None:
        self._traffic.poll(_utc_now())
        self._metrics.measure(self._answerer.queue_depth, self._cache.size_bytes)
        if self._traffic.forgotten_at != self._forgotten_at:
            self._forgotten_at = self._traffic.forgotten_at
            self._idempotency.forget()
        if self._results is not None and (live := self._traffic.live) is not None:
            self._results.keep_up(live.ref.digest, self._traffic.forgotten_at)
            self._metrics.measure_results(self._results.size_bytes)


def _utc_now() -> datetime:
    return datetime.now(UTC)
