"""The models a replica holds: least recently used out first, bounded in bytes of memory, live versions never (ADR 4)."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from apps.serving.loading import LoadedModel
from apps.serving.memory import give_back
from libs.common.domain.model import ModelRef
from libs.common.logs import get_logger

logger = get_logger("serving.model_cache")


class ModelCache:
    """Loaded models by digest. Safe to share between threads; each version is loaded once however many ask."""

    def __init__(self, load: Callable[[ModelRef], LoadedModel], limit_bytes: int) -> None:
        self._load = load
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, LoadedModel] = OrderedDict()
        self._coming: dict[str, Future[LoadedModel]] = {}
        self._pinned: frozenset[str] = frozenset()

    @property
    def digests(self) -> tuple[str, ...]:
        """What is loaded, least recently used first."""
        with self._lock:
            return tuple(self._held)

    @property
    def size_bytes(self) -> int:
        """The memory that the loaded models take."""
        with self._lock:
            return self._weigh()

    def pin(self, digests: Iterable[str]) -> None:
        """Keep exactly these, whatever the limit says; what was pinned before may go."""
        with self._lock:
            self._pinned = frozenset(digests)
            evicted = self._evict()
        if evicted:
            give_back()

    def get(self, ref: ModelRef) -> LoadedModel:
        """The model, loaded by this call or by another thread's; raises what loading raises.

        One that does not fit beside the pinned ones is the caller's alone, and not kept.
        """
        with self._lock:
            if held := self._held.get(ref.digest):
                self._held.move_to_end(ref.digest)
                return held
            coming = self._coming.get(ref.digest)
            if mine := coming is None:
                coming = self._coming[ref.digest] = Future()
        if mine:
            self._bring(ref, coming)
        return coming.result()

    def _bring(self, ref: ModelRef, coming: "Future[LoadedModel]") -> None:
        try:
            model = self._load(ref)
        except BaseException as error:  # noqa: BLE001 (whatever it is, every waiting thread must learn of it)
            with self._lock:
                del self._coming[ref.digest]
            coming.set_exception(error)
            return
        with self._lock:
            self._held[ref.digest] = model
            del self._coming[ref.digest]
            evicted = self._evict()
        if evicted:
            give_back()
        coming.set_result(model)

    def _evict(self) -> bool:
        evicted = False
        for digest in [digest for digest in self._held if digest not in self._pinned]:
            if self._weigh() <= self._limit_bytes:
                return evicted
            gone = self._held.pop(digest)
            evicted = True
            logger.info("evicted %s (%d bytes)", gone.ref, gone.size_bytes)
        if self._weigh() > self._limit_bytes:
            logger.warning("the live models weigh %d bytes, the limit is %d", self._weigh(), self._limit_bytes)
        return evicted

    def _weigh(self) -> int:
        return sum(model.size_bytes for model in self._held.values())
