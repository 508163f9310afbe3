"""The e-mails of a request → their lines, under one deadline."""

from apps.serving.answerer import Answerer
from apps.serving.bodies import emails_of
from apps.serving.calls import all_or_none, call_of, calls_of
from apps.serving.doorman import Doorman
from apps.serving.http import Reply, Request
from apps.serving.replies import list_reply, one_reply
from libs.common.logs import log_context


class Summarization:
    """Answers ``POST /v1/summarize`` in a summarizer's replica; ``doorman`` is None where no keys are required."""

    def __init__(self, answerer: Answerer, doorman: Doorman | None) -> None:
        self._answerer = answerer
        self._doorman = doorman

    async def summarize(self, request: Request, request_id: str) -> Reply:
        """One line for an e-mail, or a line for each of a list."""
        emails = emails_of(request)
        with log_context(request_id=request_id):
            if not isinstance(emails, list):
                return one_reply(await self._answerer.answer(call_of(request, request_id, emails)))
            calls = calls_of(request, request_id, emails, self._doorman)
            return list_reply(request_id, await all_or_none(map(self._answerer.answer, calls)))
