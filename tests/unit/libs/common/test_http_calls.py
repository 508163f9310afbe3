"""A process makes its HTTP client once, and a forked one its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from libs.common.http_calls import http


def kept() -> int:
    """How many clients this process has before it asks for one."""
    return http.cache_info().currsize


def test_a_process_has_one_client() -> None:
    assert http() is http()


def test_a_forked_process_does_not_share_its_parents() -> None:
    http()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as child:
        assert (kept(), child.submit(kept).result()) == (1, 0)
