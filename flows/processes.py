"""The processes of flow runs: how they begin, and that they live no longer than the process that serves them.

A run that nobody watches could never be told from a lost one.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from types import SimpleNamespace
from typing import Any


def fork_runs(prepared: Sequence[str]) -> None:
    """Have flow runs forked from a server that has the ``prepared`` modules imported, which begins to import them now.

    A fresh interpreter spends 6 s of CPU on them. Prefect asks `multiprocessing` for spawned processes and leaves no
    choice, so its engine is given forked ones in their place (ADR 28).
    """
    from prefect import flow_engine

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(prepared))
    flow_engine.__dict__["multiprocessing"] = SimpleNamespace(get_context=lambda _: context)
    forkserver.ensure_running()


def end_with_parent(flow: Any, flow_run: Any, state: Any) -> None:
    """State hook: send SIGTERM to this process when the one that serves it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), name="end-with-parent", daemon=True).start()


def _end_after(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def end_children(grace_s: float = 8) -> None:
    """End the flow runs of this process: SIGTERM lets each report itself as crashed; after ``grace_s`` they are killed."""
    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    deadline = time.monotonic() + grace_s
    alive = children
    while alive and (left := deadline - time.monotonic()) > 0:
        ended = wait([child.sentinel for child in alive], timeout=left)
        alive = [child for child in alive if child.sentinel not in ended]
    for child in alive:
        child.kill()
