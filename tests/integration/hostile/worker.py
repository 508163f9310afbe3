"""A process of its own that reads one message after the other as training and serving do, and says what that took."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from tests.integration.hostile.contents import CONTENTS
from tests.integration.hostile.headers import HEADERS
from tests.integration.hostile.mutations import mutated
from tests.integration.hostile.structures import STRUCTURES
from tests.integration.hostile.wire import Builder

MESSAGES: dict[str, Builder] = {**STRUCTURES, **HEADERS, **CONTENTS}
# Of the wall clock, for a machine that does much else: what counts is CPU time; this only ends what hangs.
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Reading:
    """What reading one message took, and what went wrong; ``peak_mb`` is the most memory the process ever held."""

    fault: str
    cpu_seconds: float
    peak_mb: float


class Reader:
    """The process; it is started again after a message that it did not survive."""

    def __init__(self) -> None:
        self._start()

    def read(self, message: str | int) -> Reading:
        """What the message of this name, or of this seed, does to the process."""
        self._pipe.send(message)
        if self._pipe.poll(PATIENCE_SECONDS):
            try:
                return self._pipe.recv()
            except EOFError:
                fault = "the process died"
        else:
            fault = f"no end within {PATIENCE_SECONDS} s"
        self.close()
        self._start()
        return Reading(fault, PATIENCE_SECONDS, 0)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _start(self) -> None:
        # A fresh interpreter: what the tests' own process has imported would count as the worker's memory.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()


def _serve(pipe: Connection) -> None:
    from tests.integration.hostile.examine import examine, warm_up

    warm_up()
    while True:
        message = pipe.recv()
        raw = mutated(message) if isinstance(message, int) else MESSAGES[message]()
        pipe.send(_measured(examine, raw))


def _measured(examine: Callable[[bytes], str], raw: bytes) -> Reading:
    started = time.process_time()
    try:
        fault = examine(raw)
    except BaseException as error:  # noqa: BLE001 (whatever it is, the test tells it)
        fault = f"{type(error).__name__}: {str(error)[:300]}"
    return Reading(fault, time.process_time() - started, _peak_mb())


def _peak_mb() -> float:
    # The ru_maxrss of a process begins with what its parent held when it forked; this line of the kernel's does not.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
