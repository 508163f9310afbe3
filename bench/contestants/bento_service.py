"""BentoML with one worker process a core."""

from typing import Any

import bentoml

from bench.contestants.engine import ROUTE, WORKERS, Answer, answer, load_engine, setting


@bentoml.service(workers=setting(WORKERS))
class Triage:
    """One engine a worker."""

    def __init__(self) -> None:
        self._engine = load_engine()

    @bentoml.api(route=ROUTE)
    def classify(self, email: dict[str, Any], /) -> Answer:
        """The answer to one e-mail."""
        return answer(self._engine, [email])[0]
