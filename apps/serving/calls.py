"""The e-mails of a request → calls, each under an id of its own; and calls that are answered together, or not at all."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from apps.serving.answerer import Call
from apps.serving.doorman import Doorman
from apps.serving.heads import remaining_s
from apps.serving.http import Request
from libs.common.domain.triage import Email

Answered = TypeVar("Answered")


def call_of(request: Request, request_id: str, email: Email, follows: bool = False) -> Call:
    """The call of one e-mail; Timeout or BadRequest by what the request's head says of its deadline."""
    return Call(request_id, email, request.header(b"x-traffic-key"), remaining_s(request), follows)


def calls_of(request: Request, request_id: str, emails: Sequence[Email], doorman: Doorman | None) -> list[Call]:
    """The calls of a list, paid for by the request's owner, who was admitted for one e-mail."""
    if doorman:
        doorman.charge(request.owner, len(emails) - 1)
    return [call_of(request, f"{request_id}-{position}", email, position > 0) for position, email in enumerate(emails)]


async def all_or_none(asked: Iterable[Coroutine[Any, Any, Answered]]) -> list[Answered]:
    """Every answer in the order of ``asked``; where one fails, the others are given up."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
