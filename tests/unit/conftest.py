"""Unit tests stand on no service."""

import gc
import sys
import warnings

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_ray() -> None:
    """What integration tests before them have left running would take its share of the machine to the end of the session."""
    if ray := sys.modules.get("ray"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sockets that Ray leaves to the collector
            ray.shutdown()
            gc.collect()
