"""Both answers to an e-mail: its category from this replica, its line from the summarizers, asked at the same time."""

from collections.abc import Sequence

from apps.serving.answerer import Answerer, Call
from apps.serving.bodies import emails_of
from apps.serving.calls import all_or_none, call_of, calls_of
from apps.serving.doorman import Doorman
from apps.serving.http import Reply, Request
from apps.serving.neighbour import Neighbour
from apps.serving.replies import triaged_list_reply, triaged_reply
from libs.common.domain.triage import TriageResult
from libs.common.errors import Unavailable
from libs.common.logs import log_context


class Triaging:
    """What of a classifier's surface has to do with summarizers; whoever asks for both gets both, or an error."""

    def __init__(self, answerer: Answerer, summarizer: Neighbour, doorman: Doorman | None) -> None:
        self._answerer = answerer
        self._summarizer = summarizer
        self._doorman = doorman

    async def triage(self, request: Request, request_id: str) -> Reply:
        """Answer ``POST /v1/triage``."""
        emails = emails_of(request)
        with log_context(request_id=request_id):
            if not isinstance(emails, list):
                (classified,), (summarized,) = await self._both([call_of(request, request_id, emails)])
                return triaged_reply(classified, summarized)
            both = await self._both(calls_of(request, request_id, emails, self._doorman))
            return triaged_list_reply(request_id, *both)

    async def refuse_summaries(self, request: Request, request_id: str) -> Reply:
        """Answer ``POST /v1/summarize``, which reaches a classifier only while no summarizer is deployed."""
        raise Unavailable("no summarizer is live", self._summarizer.hint)

    async def _both(self, calls: Sequence[Call]) -> list[list[TriageResult]]:
        return await all_or_none((all_or_none(map(self._answerer.answer, calls)), self._summarizer.answer_all(calls)))
