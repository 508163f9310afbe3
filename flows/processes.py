"""Flow runs live no longer than the process that serves them: a run that nobody watches could never be told from a lost one."""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import wait
from typing import Any

_PR_SET_PDEATHSIG = 1


def end_with_parent(flow: Any, flow_run: Any, state: Any) -> None:
    """State hook: have the kernel send SIGTERM to this process when its parent dies (Linux; elsewhere it lives on)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
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
