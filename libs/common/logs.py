"""Structured logs: one JSON object a line, with the ids of the work in hand. Set up at front doors only."""

import json
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_context: ContextVar[dict[str, str] | None] = ContextVar("triage_log_context", default=None)


@contextmanager
def log_context(**ids: str) -> Generator[None]:
    """Add ids (``run_id``, ``request_id``, ``rollout_id``) to every line logged inside the block."""
    token = _context.set({**(_context.get() or {}), **ids})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """``{"at", "level", "logger", "message", …ids}``; an exception adds ``error``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(_context.get() or {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(level: int = logging.INFO) -> None:
    """Send the ``triage`` loggers to standard error as JSON lines; called by front doors, once."""
    root = logging.getLogger("triage")
    if root.handlers:
        return
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonFormatter())
    root.addHandler(stream)
    root.setLevel(level)
    root.propagate = False


def get_logger(room: str) -> logging.Logger:
    """The logger of one room: ``get_logger("serving.slot")`` → ``triage.serving.slot``."""
    return logging.getLogger(f"triage.{room}")
