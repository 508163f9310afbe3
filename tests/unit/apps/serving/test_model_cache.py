"""The cache holds what fits, never lets a live version go, and loads each version once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.serving.loading import LoadedModel
from apps.serving.model_cache import ModelCache
from libs.common.domain.model import ModelRef
from libs.common.errors import ModelCorrupt
from tests.unit.apps.serving.fakes import loaded, ref


class Loader:
    """Counts what it loads; every model weighs 10 bytes."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, wanted: ModelRef) -> LoadedModel:
        self.asked.append(wanted.version)
        assert self.gate.wait(5)
        if wanted.version == "corrupt":
            raise ModelCorrupt("model.onnx: does not match its digest")
        return loaded(wanted.version)


def test_the_least_recently_used_goes_first() -> None:
    loader = Loader()
    cache = ModelCache(loader, limit_bytes=25)
    for version in ("1", "2", "1", "3"):
        cache.get(ref(version))
    assert cache.digests == ("digest-1", "digest-3")
    assert cache.size_bytes == 20


def test_pinned_versions_stay_even_over_the_limit() -> None:
    cache = ModelCache(Loader(), limit_bytes=15)
    cache.pin(["digest-1", "digest-2"])
    for version in ("1", "2", "3"):
        cache.get(ref(version))
    cache.pin(["digest-1", "digest-2"])
    assert set(cache.digests) == {"digest-1", "digest-2"}
    cache.pin(["digest-2"])
    assert cache.digests == ("digest-2",)


def test_many_who_ask_at_once_load_it_once() -> None:
    loader = Loader()
    loader.gate.clear()
    cache = ModelCache(loader, limit_bytes=100)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(cache.get, ref("1")) for _ in range(8)]
        loader.gate.set()
        models = {id(future.result(5)) for future in asked}
    assert len(models) == 1
    assert loader.asked == ["1"]


def test_a_failed_load_is_told_and_may_be_tried_again() -> None:
    loader = Loader()
    cache = ModelCache(loader, limit_bytes=100)
    for _ in range(2):
        with pytest.raises(ModelCorrupt):
            cache.get(ref("corrupt"))
    assert loader.asked == ["corrupt", "corrupt"]
    assert cache.digests == ()
