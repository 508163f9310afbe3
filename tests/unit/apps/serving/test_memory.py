"""Memory in use is counted as it is allocated and freed, whether by Python's small objects or by large blocks."""

import ctypes

import pytest

from apps.serving.memory import give_back, used_bytes


def test_a_large_block_counts_while_it_is_there() -> None:
    before = used_bytes()
    block = bytearray(50_000_000)
    assert used_bytes() - before == pytest.approx(50_000_000, rel=0.02)
    del block
    give_back()
    assert used_bytes() - before < 1_000_000


def test_small_objects_count_though_they_are_put_where_others_were() -> None:
    old = [f"{number:010d}" for number in range(300_000)]
    del old
    before = used_bytes()
    words = [f"{number:010d}" for number in range(300_000)]
    real = len(words) * (59 + 8)
    assert used_bytes() - before == pytest.approx(real, rel=0.2)


def test_without_glibc_the_resident_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    give_back()
    assert used_bytes() > 1_000_000
