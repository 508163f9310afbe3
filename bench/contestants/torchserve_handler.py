"""What TorchServe calls in each of its workers; it packs this file into a model archive."""

from typing import Any

from bench.contestants.engine import Answer, answer, load_engine

_ENGINES: list[Any] = []


def handle(requests: list[dict[str, Any]] | None, context: Any) -> list[Answer] | None:
    """The answers to a batch of requests; TorchServe's first call has none, and is for loading."""
    if not _ENGINES:
        _ENGINES.append(load_engine())
    return answer(_ENGINES[0], [request["body"] for request in requests]) if requests else None
