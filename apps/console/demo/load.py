"""Open-loop load: e-mails leave at their own times, whatever the service does; some answers get the right label back."""

import asyncio
import ipaddress
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import httpx

from apps.console.demo.load_records import Kind, SentRequest
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.features.json_mail import email_to_json

_BLOCK = 500
Mails = Callable[[str], Iterator[LabelledEmail]]


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send and for how long. ``part`` names the traffic; ``feedback_share`` of the answers (0…1) get a label.

    ``seconds`` and ``max_requests`` end the load whatever else happens; above ``max_in_flight`` a request is not sent, but
    counted as failed.
    """

    url: str
    part: str
    rate: float
    seconds: float
    arrivals: str = "poisson"
    feedback_share: float = 0.0
    feedback_delay_s: float = 1.0
    timeout_s: float = 10.0
    max_requests: int = 100_000
    max_in_flight: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        require_loopback(self.url)
        if self.arrivals not in ("poisson", "fixed"):
            raise DataError(f"there are no '{self.arrivals}' arrivals", "write poisson or fixed")
        if not (0 < self.rate <= 1_000 and 0 < self.seconds <= 3_600 and 0 <= self.feedback_share <= 1):
            raise DataError(
                f"a load of {self.rate:g} requests/s for {self.seconds:g} s, {self.feedback_share:g} of them with feedback",
                "the rate goes up to 1000, the seconds up to 3600, the share from 0 to 1",
            )


def require_loopback(url: str) -> None:
    """DataError unless ``url`` is plain HTTP on this machine: the load is never aimed at anybody else."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host == "localhost" or _is_loopback(host)):
        raise DataError(f"'{url}' is not a service of this machine", "write http://127.0.0.1:PORT, as `triage status` shows it")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endless_mails(drift: float, seed: int) -> Mails:
    """Synthetic e-mails that never repeat, the same whatever the part is called."""
    from apps.training.synthetic import generate

    mails = (mail for start in count(step=_BLOCK) for mail in generate(_BLOCK, seed, drift, start))
    return lambda part: mails


@dataclass
class Load:
    """One running load. ``mails(part)`` never ends; ``record`` is called once a request, when it is over."""

    plan: LoadPlan
    mails: Mails
    record: Callable[[SentRequest], object]
    transport: httpx.AsyncBaseTransport | None = None
    _out: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, **changes: Any) -> None:
        """Go on with another part, rate or feedback share from the next request."""
        self.plan = replace(self.plan, **changes)

    def end(self) -> None:
        """Send nothing more; ``run`` returns when every reply is there."""
        self._ended.set()

    async def run(self) -> None:
        """Send until the plan is over or ``end`` is called, then wait for the last replies."""
        draw = random.Random(self.plan.seed)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=2.0)
        async with httpx.AsyncClient(
            timeout=self.plan.timeout_s, limits=limits, trust_env=False, transport=self.transport
        ) as client:
            async for due in self._times(draw):
                plan = self.plan  # it may have changed before the conversation begins
                mail, labelled = next(self.mails(plan.part)), draw.random() < plan.feedback_share
                self._start(self._converse(client, plan, mail, due, labelled))
            while self._out:
                await asyncio.wait(self._out)

    async def _times(self, draw: random.Random) -> AsyncIterator[float]:
        """The clock times of the requests: independent of the replies, and none is left out when we are late."""
        began = due = time.monotonic()
        wall = time.time() - began
        for _ in range(self.plan.max_requests):
            due += draw.expovariate(self.plan.rate) if self.plan.arrivals == "poisson" else 1 / self.plan.rate
            if due - began > self.plan.seconds or await self._ends_before(due):
                return
            yield due + wall

    async def _ends_before(self, due: float) -> bool:
        try:
            await asyncio.wait_for(self._ended.wait(), max(due - time.monotonic(), 0.0))
        except TimeoutError:
            return self._ended.is_set()
        return True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._out.add(task)
        task.add_done_callback(self._out.discard)

    async def _converse(
        self, client: httpx.AsyncClient, plan: LoadPlan, mail: LabelledEmail, due: float, labelled: bool
    ) -> None:
        """Ask for the label and, where ``labelled``, say some time later what it should have been."""
        asked = SentRequest(
            Kind.CLASSIFY, str(uuid.uuid4()), plan.part, due, 0.0, 0, mail.label, mail.email.message_id or mail.source
        )
        email = email_to_json(mail.email)
        answered = await self._post(client, "/v1/classify", asked, email)
        self.record(answered)
        if answered.failed or not labelled:
            return
        await asyncio.sleep(plan.feedback_delay_s)
        told = replace(asked, kind=Kind.FEEDBACK, due_at=time.time())
        said = {"request_id": asked.request_id, "label": mail.label, "email": email}
        self.record(await self._post(client, "/v1/feedback", told, said))

    async def _post(self, client: httpx.AsyncClient, path: str, asked: SentRequest, body: dict[str, Any]) -> SentRequest:
        if len(self._out) > self.plan.max_in_flight:
            return replace(asked, problem=f"not sent: {self.plan.max_in_flight} are unanswered")
        headers = {"x-request-id": asked.request_id} if asked.kind is Kind.CLASSIFY else {}
        try:
            reply = await client.post(self.plan.url.rstrip("/") + path, json=body, headers=headers)
        except httpx.HTTPError as error:
            latency_ms = (time.time() - asked.due_at) * 1000
            return replace(asked, latency_ms=latency_ms, problem=f"{type(error).__name__} {error}".strip())
        return _answered(asked, reply, (time.time() - asked.due_at) * 1000)


def _answered(asked: SentRequest, reply: httpx.Response, latency_ms: float) -> SentRequest:
    """The request with what its reply says; the version is read where callers read it, in the header."""
    told = replace(asked, latency_ms=latency_ms, status=reply.status_code)
    if told.failed:
        return replace(told, problem=reply.text[:200])
    if asked.kind is Kind.FEEDBACK:
        return told
    try:
        body = reply.json()
        return replace(
            told,
            label=body["label"],
            outcome=body["outcome"],
            answered_id=body["request_id"],
            version=reply.headers.get("x-model-version", ""),
            variant=reply.headers.get("x-model-variant", ""),
        )
    except (ValueError, KeyError, TypeError) as error:
        return replace(told, status=0, problem=f"the reply is none: {error!r}")
