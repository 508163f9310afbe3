"""The e-mails of a request → their answers, under one deadline."""

import asyncio
from collections.abc import Sequence

from apps.serving.answerer import Answerer, Call
from apps.serving.bodies import emails_of
from apps.serving.calls import all_or_none, call_of, calls_of
from apps.serving.doorman import Doorman
from apps.serving.errors import Unprocessable
from apps.serving.explaining import Explainer
from apps.serving.heads import is_asked
from apps.serving.http import Reply, Request
from apps.serving.replies import explained_reply, list_reply, one_reply
from libs.common.domain.triage import Email, TriageResult
from libs.common.errors import Timeout
from libs.common.logs import log_context
from libs.common.models.explanation import Explanation


class Classification:
    """What every route that classifies has in common; ``doorman`` is None where no keys are required."""

    def __init__(self, answerer: Answerer, explainer: Explainer, timeout_s: float, doorman: Doorman | None) -> None:
        self._answerer = answerer
        self._explainer = explainer
        self._timeout_s = timeout_s
        self._doorman = doorman

    async def classify(self, request: Request, request_id: str) -> Reply:
        """Answer ``POST /v1/classify``."""
        emails, explained = emails_of(request), is_asked(request, "explain")
        with log_context(request_id=request_id):
            if not isinstance(emails, list):
                call = call_of(request, request_id, emails)
                return await self._explained(call) if explained else one_reply(await self._answerer.answer(call))
            if explained:
                raise Unprocessable("explanations are for one e-mail at a time", "send it alone, or without ?explain")
            return list_reply(request_id, await self.ask_all(request, request_id, emails))

    async def ask_all(self, request: Request, request_id: str, emails: Sequence[Email]) -> list[TriageResult]:
        """The answers in the order of ``emails``, each under an id of its own; where one fails, the others are given up."""
        return await all_or_none(map(self._answerer.answer, calls_of(request, request_id, emails, self._doorman)))

    async def _explained(self, call: Call) -> Reply:
        limit_s = min(call.timeout_s, self._timeout_s)
        deadline = asyncio.get_running_loop().time() + limit_s
        result = await self._answerer.answer(call)
        try:
            async with asyncio.timeout_at(deadline):
                return explained_reply(result, await self._explain(call.email, result))
        except TimeoutError:
            raise Timeout(f"no explanation within {limit_s:.3g} s", "allow more time, or ask without ?explain") from None

    async def _explain(self, email: Email, result: TriageResult) -> Explanation | None:
        live = self._answerer.live
        # A candidate runs in a process of its own, which only predicts.
        if live is None or live.ref.version != result.version:
            return None
        return await self._explainer.explain(live, email, result.prediction.label)
