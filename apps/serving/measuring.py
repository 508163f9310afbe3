"""The features of an e-mail, measured beside its answer; whatever becomes of them, the answer leaves."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from apps.serving.engine import is_short
from libs.common.domain.triage import Email
from libs.common.logs import get_logger

logger = get_logger("serving.measuring")
Features = Callable[[Email], dict[str, float]]

# A monstrous mail may take longer to measure than to answer; then it is answered without.
FEATURES_WITHIN_S = 0.25


class Measuring:
    """Measures short e-mails in place, at the end, and long ones on a thread beside the engine's, from the beginning."""

    def __init__(self, features: Features, on_fault: Callable[[str], None]) -> None:
        self._features = features
        self._on_fault = on_fault
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="features")

    def begin(self, email: Email) -> "asyncio.Future[dict[str, float]] | None":
        """What is under way; whoever gives the e-mail up cancels it, so that what is refused leaves nothing to do."""
        if is_short(email):
            return None
        return asyncio.get_running_loop().run_in_executor(self._thread, self._features, email)

    async def end(self, begun: "asyncio.Future[dict[str, float]] | None", email: Email, request_id: str) -> dict[str, float]:
        """The features; none, counted and logged, where they cannot be measured."""
        try:
            if begun is None:
                return self._features(email)
            await asyncio.wait([begun], timeout=FEATURES_WITHIN_S)
            if not begun.done():
                raise TimeoutError("it takes too long")
            return begun.result()
        except Exception as error:  # noqa: BLE001 (no feature is worth an answer)
            self._on_fault("features")
            logger.warning("the features of request %s were not measured: %r", request_id, error)
            return {}
