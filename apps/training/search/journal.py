"""What a search has tried so far: a file of JSON lines, appended before anything depends on it.

It is the only state of a search. A kill loses at most the line that was being written, that is one fold of one trial.
"""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from apps.training.search.trials import Trial
from libs.common.domain.search import Options
from libs.common.errors import StoreError

_FILE = "trials.jsonl"


class Journal:
    """The trials of one search, by number; StoreError where another process has it open."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / _FILE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock()
        self._trials: list[Trial] = []
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial that was begun, in the order of their numbers."""
        return tuple(self._trials)

    def begin(self, options: Options) -> Trial:
        """Note the next trial."""
        self._write({"trial": len(self._trials), "options": options})
        return self._trials[-1]

    def score(self, number: int, score: float) -> None:
        """Note the macro-F1 of a trial on its next fold."""
        self._write({"trial": number, "fold": len(self._trials[number].scores), "score": score})

    def fail(self, number: int, why: str) -> None:
        """Note that a trial's options cannot be fitted."""
        self._write({"trial": number, "failed": why})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fsync(self._file)
        self._take(line)

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):  # torn by a kill
            os.truncate(self._path, len(whole))
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        number = int(line["trial"])
        if "options" in line:
            self._trials.append(Trial(number, line["options"]))
            return
        trial = self._trials[number]
        scores = (*trial.scores, float(line["score"])) if "score" in line else trial.scores
        self._trials[number] = Trial(number, trial.options, scores, str(line.get("failed", "")))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise StoreError(f"{self._path}: this search is running already", "wait for it, or end it first") from error
