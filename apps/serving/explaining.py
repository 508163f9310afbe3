"""Explains answers to those who ask, beside the engine and not in its place."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from apps.serving.loading import LoadedModel
from libs.common.config.model_serving import Explanations
from libs.common.domain.triage import Email
from libs.common.errors import QueueFull
from libs.common.models.explanation import Explanation, explain

# One is worth up to some thirty predictions: a caller who must wait for more than this is told to come again.
MAX_WAITING = 8


class Explainer:
    """Explains one answer at a time, on a thread of its own."""

    def __init__(self, settings: Explanations) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="explaining")
        self._waiting = 0

    async def explain(self, model: LoadedModel, email: Email, label: str) -> Explanation:
        """Why ``model`` gave ``email`` this label; QueueFull where too many ask. A cancelled caller's is never computed."""
        if self._waiting >= MAX_WAITING:
            raise QueueFull(f"{MAX_WAITING} explanations are asked for already", "ask again later, or without ?explain")
        self._waiting += 1
        settings = self._settings
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, explain, model.classifier, email, label, settings.reasons, settings.occlusions
            )
        finally:
            self._waiting -= 1
