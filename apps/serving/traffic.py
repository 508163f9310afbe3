"""Follows the desired traffic of one model: loads what it names, then flips; keeps the last state when the store is away."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

from apps.serving.loading import LoadedModel
from apps.serving.model_cache import ModelCache
from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import ReplicaReport, Traffic, TrafficSplit
from libs.common.logs import get_logger

logger = get_logger("serving.traffic")

RETRY_LOADING_AFTER = timedelta(seconds=5)


class TrafficStore(Protocol):
    """The part of the records store that a replica speaks to."""

    def get(self, model: str) -> Traffic:
        """The desired traffic of ``model``."""
        ...

    def report(self, report: ReplicaReport) -> object:
        """Tell what this replica has applied."""
        ...


class TrafficFollower:
    """Polled from a thread of its own, it loads models on yet another, so that a slow load delays no decision.

    The event loop only reads ``live`` and ``split``: plain attribute reads. The weight, the candidate and the lease of a
    new row count at once; its stable version counts when it is loaded. What is in ``always`` is kept loaded besides.
    """

    def __init__(
        self,
        model: str,
        replica: str,
        store: TrafficStore,
        cache: ModelCache,
        report_every: timedelta = timedelta(seconds=5),
        on_store_error: Callable[[], None] = lambda: None,
        always: tuple[ModelRef, ...] = (),
    ) -> None:
        self.live: LoadedModel | None = None
        self._model = model
        self._replica = replica
        self._store = store
        self._cache = cache
        self._report_every = report_every
        self._on_store_error = on_store_error
        self._always = always
        self._row = Traffic(model=model)
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model-loader")
        self._loading: Future[bool] | None = None
        self._wanted: tuple[ModelRef | None, tuple[ModelRef, ...]] | None = None
        self._retry_at: datetime | None = None
        self._reported: tuple[int, tuple[str, ...]] | None = None
        self._reported_at: datetime | None = None

    @property
    def revision(self) -> int:
        """Of the row that is applied."""
        return self._row.revision

    @property
    def forgotten_at(self) -> datetime | None:
        """When somebody was last forgotten, by the row that is applied."""
        return self._row.forgotten_at

    def split(self, now: datetime) -> TrafficSplit:
        """Where requests go at ``now``; past the lease this is stable alone, whatever the store or a flow do."""
        return self._row.at(now)

    def poll(self, now: datetime) -> None:
        """Read the row once, apply it, and report; a store that is away changes nothing but a counter."""
        try:
            self._row = self._store.get(self._model)
            self._follow(now)
            self._report(now)
        except Exception:
            self._on_store_error()
            logger.exception("the traffic of %s could not be followed; its last state stays", self._model)

    def start(self, now: datetime, timeout_s: float) -> None:
        """Read the row and wait for its models, so that a new replica is never sent what it can't answer.

        Raises what the store or loading raises: a replica that knows nothing must not take traffic from those that do.
        """
        self._row = self._store.get(self._model)
        self._follow(now)
        if self._loading is not None:
            self._loading.result(timeout_s)
        if self._row.stable is not None and self.live is None:
            self.live = self._cache.get(self._row.stable)
        self._report(now)

    def stop(self) -> None:
        """Load nothing more."""
        self._loader.shutdown(wait=False, cancel_futures=True)

    def _follow(self, now: datetime) -> None:
        if self._loading is not None:
            if not self._loading.done():
                return
            if not self._loading.result():
                self._wanted, self._retry_at = None, now + RETRY_LOADING_AFTER
            self._loading = None
        warm = tuple(dict.fromkeys((*self._row.warm, *self._always)))
        wanted = (self._row.stable, warm)
        if wanted == self._wanted or (self._retry_at is not None and now < self._retry_at):
            return
        self._wanted, self._retry_at = wanted, None
        self._loading = self._loader.submit(self._bring_up, self._row.stable, warm)

    def _bring_up(self, stable: ModelRef | None, warm: Iterable[ModelRef]) -> bool:
        warm = tuple(warm)
        wanted = {ref.digest for ref in (stable, *warm) if ref is not None}
        self._cache.pin(wanted | ({self.live.ref.digest} if self.live else set()))
        complete = stable is None or self._flip_to(stable)
        for ref in warm:
            complete = self._load(ref) is not None and complete
        self._cache.pin(wanted | ({self.live.ref.digest} if self.live else set()))
        return complete

    def _flip_to(self, stable: ModelRef) -> bool:
        model = self._load(stable)
        if model is None:
            return False
        if self.live is None or self.live.ref.digest != stable.digest:
            logger.info("%s is live (before: %s)", stable, self.live.ref if self.live else "nothing")
            self.live = model
        return True

    def _load(self, ref: ModelRef) -> LoadedModel | None:
        try:
            return self._cache.get(ref)
        except Exception:
            logger.exception("%s could not be loaded; what is live stays live", ref)
            return None

    def _report(self, now: datetime) -> None:
        state = (self._row.revision, self._cache.digests)
        if state == self._reported and self._reported_at and now - self._reported_at < self._report_every:
            return
        report = ReplicaReport(model=self._model, replica=self._replica, revision=state[0], loaded=state[1], at=now)
        self._store.report(report)
        self._reported, self._reported_at = state, now
