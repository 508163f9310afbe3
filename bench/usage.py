"""What a process and all that it started use, sampled from outside. Linux only: it reads /proc/PID/smaps_rollup."""

import re
import threading
from pathlib import Path

import psutil

_EVERY_S = 1.0
_LINE = re.compile(r"^(Pss|Pss_Shmem):\s+(\d+) kB$", re.MULTILINE)


class Usage:
    """Within the block, of the process ``pid`` and its descendants, looked at once a second: peaks of memory, and CPU time.

    ``own_bytes`` and ``shared_bytes`` are PSS, in which a page that several processes share counts once; ``shared_bytes`` is
    shared memory, where Ray keeps its objects. ``cpu_s`` misses what a process did after the last look at it.
    """

    def __init__(self, pid: int) -> None:
        self._root, self._done = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._cpu_s: dict[int, float] = {}
        self.own_bytes = self.shared_bytes = 0

    def __enter__(self) -> "Usage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU, the system's on their behalf included."""
        return sum(self._cpu_s.values())

    def _sample(self) -> None:
        while not self._done.wait(_EVERY_S):
            held = [self._look(process) for process in _family(self._root)]
            self.own_bytes = max(self.own_bytes, sum(own for own, _ in held))
            self.shared_bytes = max(self.shared_bytes, sum(shared for _, shared in held))

    def _look(self, process: psutil.Process) -> tuple[int, int]:
        """Bytes of its own, and shared ones; a process that has just ended holds nothing."""
        try:
            spent = process.cpu_times()
            sizes = dict(_LINE.findall(Path(f"/proc/{process.pid}/smaps_rollup").read_text()))
        except (psutil.Error, OSError):
            return 0, 0
        self._cpu_s[process.pid] = spent.user + spent.system
        shared = 1024 * int(sizes.get("Pss_Shmem", 0))
        return 1024 * int(sizes.get("Pss", 0)) - shared, shared


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
