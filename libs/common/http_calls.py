"""HTTP calls to the services of an installation."""

import os
from functools import cache

import httpx


@cache
def http() -> httpx.Client:
    """This process's client, for all of its threads; a forked process makes its own.

    Each new one reads all certificates that it might need, which costs more CPU than a call. It keeps no connection, so that a
    service that was replaced meanwhile is found anew, and asks no proxy.
    """
    return httpx.Client(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


os.register_at_fork(after_in_child=http.cache_clear)
