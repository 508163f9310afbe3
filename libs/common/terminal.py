"""What a command says while one waits: one line that is written over on a terminal; in a pipe or a log, a line now and then."""

import time
from collections.abc import Callable
from typing import TextIO

_EVERY_S = 5
_CLEAR_TO_END = "\x1b[K"


class StatusLine:
    """The latest text on ``stream``. Where that is no terminal, nothing is said in the first seconds, and nothing twice."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._shown, self._shown_at = "", clock()

    def show(self, text: str, last: bool = False) -> None:
        """Show ``text`` in the place of what was shown; the ``last`` one is left standing."""
        if self._stream.isatty():
            self._stream.write(f"\r{text}{_CLEAR_TO_END}" + ("\n" if last else ""))
        elif text != self._shown and (last or self._clock() - self._shown_at >= _EVERY_S):
            self._shown, self._shown_at = text, self._clock()
            self._stream.write(f"{text}\n")
        self._stream.flush()
