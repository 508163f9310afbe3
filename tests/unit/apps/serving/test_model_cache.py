"""The cache holds what fits, never lets a live version go, and loads each version once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

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


class CacheMachine(RuleBasedStateMachine):
    """A cache beside what it should be: an ordered list of what is held, and the sizes."""

    LIMIT = 100

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, int] = {}
        self.loads: list[str] = []
        self.pinned: set[str] = set()
        self.held: list[str] = []
        self.cache = ModelCache(self._load, self.LIMIT)

    def _load(self, wanted: ModelRef) -> LoadedModel:
        self.loads.append(wanted.version)
        if wanted.version == "corrupt":
            raise ModelCorrupt("model.onnx: does not match its digest")
        return loaded(wanted.version, self.sizes[wanted.version])

    @rule(version=st.sampled_from("abcdefgh"), size=st.integers(1, 60))
    def get(self, version: str, size: int) -> None:
        self.sizes.setdefault(version, size)
        asked, known = len(self.loads), version in self.held
        assert self.cache.get(ref(version)).ref == ref(version)
        assert self.loads[asked:] == ([] if known else [version])
        self.held = [each for each in self.held if each != version] + [version]
        self._make_room()

    @rule(versions=st.sets(st.sampled_from("abcdefgh"), max_size=3))
    def pin(self, versions: set[str]) -> None:
        self.pinned = versions
        self.cache.pin(f"digest-{version}" for version in versions)
        self._make_room()

    @rule()
    def fail(self) -> None:
        with pytest.raises(ModelCorrupt):
            self.cache.get(ref("corrupt"))

    def _make_room(self) -> None:
        for version in [version for version in self.held if version not in self.pinned]:
            if sum(self.sizes[each] for each in self.held) > self.LIMIT:
                self.held.remove(version)

    @invariant()
    def it_holds_what_it_should(self) -> None:
        assert self.cache.digests == tuple(f"digest-{version}" for version in self.held)
        assert self.cache.size_bytes == sum(self.sizes[version] for version in self.held)
        assert self.cache.size_bytes <= self.LIMIT or set(self.held) <= self.pinned


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
