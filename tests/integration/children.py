"""The processes below a test's own, by what they are called."""

from contextlib import suppress

import psutil


def children_named(word: str) -> list[psutil.Process]:
    """Those of whose command line ``word`` is a part; others may end while they are looked at."""
    found: list[psutil.Process] = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if word in " ".join(process.cmdline()):
                found.append(process)
    return found
