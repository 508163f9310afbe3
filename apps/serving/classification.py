"""The e-mails of a request → their answers, under one deadline."""

import asyncio
from collections.abc import Sequence

from apps.serving.answerer import Answerer, Call
from apps.serving.bodies import emails_of
from apps.serving.doorman import Doorman
from apps.serving.errors import Unprocessable
from apps.serving.explaining import Explainer
from apps.serving.heads import is_asked, remaining_s
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
                call = _call(request, request_id, emails)
                return await self._explained(call) if explained else one_reply(await self._answerer.classify(call))
            if explained:
                raise Unprocessable("explanations are for one e-mail at a time", "send it alone, or without ?explain")
            return list_reply(request_id, await self.ask_all(request, request_id, emails))

    async def ask_all(self, request: Request, request_id: str, emails: Sequence[Email]) -> list[TriageResult]:
        """The answers in the order of ``emails``, each under an id of its own; where one fails, the others are given up."""
        if self._doorman:
            self._doorman.charge(request.owner, len(emails) - 1)
        calls = [_call(request, f"{request_id}-{position}", email, position > 0) for position, email in enumerate(emails)]
        asked = [asyncio.ensure_future(self._answerer.classify(call)) for call in calls]
        try:
            return await asyncio.gather(*asked)
        except BaseException:
            for answer in asked:
                answer.cancel()
            raise

    async def _explained(self, call: Call) -> Reply:
        limit_s = min(call.timeout_s, self._timeout_s)
        deadline = asyncio.get_running_loop().time() + limit_s
        result = await self._answerer.classify(call)
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


def _call(request: Request, request_id: str, email: Email, follows: bool = False) -> Call:
    return Call(request_id, email, request.header(b"x-traffic-key"), remaining_s(request), follows)
