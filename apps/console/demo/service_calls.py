"""What people ask of the service themselves, over HTTP and beside the load: why an answer is so, and a mailbox whole."""

from http import HTTPStatus
from typing import Any

import httpx

from apps.console.demo.context import Demo
from apps.console.demo.waiting import until
from libs.common.domain.batch import Batch, BatchState
from libs.common.domain.triage import Email
from libs.common.errors import TriageError
from libs.common.features.json_mail import email_to_json
from libs.common.http_calls import http

_TIMEOUT_S = 60.0
_LOGS = "see the logs folder of the demo's home, and the job's log in Ray's dashboard"


def explained(demo: Demo, email: Email) -> dict[str, Any]:
    """The answer to one e-mail, with its explanation; nobody needs a token for it."""
    return _asked(http().post(f"{demo.url}/v1/classify?explain=true", json=email_to_json(email), **_as(demo))).json()


def order_batch(demo: Demo, lines: bytes, owner: str, within_s: float = 60) -> Batch:
    """Send mail as JSON lines, to be triaged by the live version as a Ray job."""
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"{demo.home.root.name}-mailbox"}

    def taken() -> httpx.Response | None:
        said = http().post(f"{demo.url}/v1/batch?version=live", content=lines, **_as(demo, owner, headers))
        return None if said.status_code == HTTPStatus.SERVICE_UNAVAILABLE else said  # Ray takes no jobs just now: ask again

    return Batch.model_validate_json(_asked(until("the order of the batch", taken, within_s, _LOGS)).content)


def await_batch(demo: Demo, batch: str, owner: str, within_s: float) -> Batch:
    """The batch once it has succeeded; TriageError where it ended otherwise."""

    def ended() -> Batch | None:
        found = Batch.model_validate_json(_get(demo, f"/v1/batch/{batch}", owner).content)
        demo.tell(f"{found.state}, {found.headway.mails_done} of {found.headway.mails} e-mails")
        return None if found.is_open else found

    found = until(f"batch {batch}", ended, within_s, _LOGS)
    if found.state is not BatchState.SUCCEEDED:
        raise TriageError(f"batch {batch} {found.state}: {found.message}", _LOGS)
    return found


def result_of(demo: Demo, batch: str, owner: str) -> tuple[int, bytes]:
    """How many e-mails were set aside, and the rows of all others as JSON lines."""
    result = _get(demo, f"/v1/batch/{batch}/result", owner).json()
    parts = (_get(demo, f"/v1/batch/{batch}/result/{part['part']}?form=jsonl", owner).content for part in result["parts"])
    return result["quarantined"], b"".join(parts)


def _get(demo: Demo, path: str, owner: str) -> httpx.Response:
    return _asked(http().get(demo.url + path, **_as(demo, owner)))


def _as(demo: Demo, owner: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    token = {"Authorization": f"Bearer {demo.tokens[owner]}"} if owner else {}
    return {"headers": {**(headers or {}), **token}, "timeout": _TIMEOUT_S}


def _asked(said: httpx.Response) -> httpx.Response:
    if said.is_error:
        request = said.request
        raise TriageError(f"{request.method} {request.url.path} is answered {said.status_code}: {said.text[:300]}", _LOGS)
    return said
