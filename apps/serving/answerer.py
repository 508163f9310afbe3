"""One e-mail: who answers it, what they say, and what is remembered of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from time import perf_counter

from apps.serving.engine import Engine, EngineRoom
from apps.serving.errors import CandidateFailed
from apps.serving.facts import confidence_of, escalation_of, figures_of, fit_to_keep, label_of, mirrored_label
from apps.serving.loading import LoadedModel
from apps.serving.measuring import Features, Measuring
from apps.serving.metrics import ServingMetrics
from apps.serving.recorder import Recorder
from apps.serving.result_cache import ResultCache
from apps.serving.settings import ReplicaSettings
from apps.serving.slot import Candidate
from apps.serving.traffic import TrafficFollower
from libs.common.domain.traffic import TrafficSplit
from libs.common.domain.triage import Email, Mirror, Outcome, Prediction, PredictionEvent, Said, TriageResult, Variant
from libs.common.errors import QueueFull, Timeout, Unavailable


@dataclass(frozen=True, slots=True)
class Call:
    """One request for one e-mail; ``traffic_key`` (may be empty) decides who is asked, stickily.

    Its caller waits ``timeout_s``, and never longer than the settings allow; one who gives up earlier leaves no event.
    It ``follows`` where the same request brought another e-mail before it: a request is let in or refused by its first.
    """

    request_id: str
    email: Email
    traffic_key: str = ""
    timeout_s: float = inf
    follows: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    said: Said
    version: str
    outcome: Outcome
    cached: bool = False


_NO_ANSWER = _Answer(Prediction("", 0.0), "", Outcome.ERROR)


@dataclass(frozen=True, slots=True)
class _Routed:
    """A call with everything that was decided when it came in."""

    call: Call
    live: LoadedModel
    split: TrafficSplit
    chosen: Variant
    bucket: int | None
    started: float
    deadline: float
    measured: "asyncio.Future[dict[str, float]] | None"


class Answerer:
    """Chooses between stable and candidate, falls back to stable in the same request, and records each answer."""

    def __init__(
        self,
        settings: ReplicaSettings,
        traffic: TrafficFollower,
        candidate: Candidate,
        recorder: Recorder,
        metrics: ServingMetrics,
        engines: EngineRoom,
        features: Features,
        clock: Callable[[], datetime],
        results: ResultCache | None = None,
    ) -> None:
        self._settings = settings
        self._traffic = traffic
        self._candidate = candidate
        self._recorder = recorder
        self._metrics = metrics
        self._engines = engines
        self._measuring = Measuring(features, metrics.fault)
        self._clock = clock
        self._results = results
        self._engine: tuple[LoadedModel, Engine] | None = None
        self._mirrors: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> LoadedModel | None:
        """The stable version, once there is one."""
        return self._traffic.live

    @property
    def degraded(self) -> tuple[str, ...]:
        """What is not written of the answers at present."""
        return self._recorder.degraded

    @property
    def queue_depth(self) -> int:
        """E-mails that wait for the engine."""
        return self._engine[1].depth if self._engine else 0

    async def answer(self, call: Call) -> TriageResult:
        """The answer to ``call``, recorded. Unavailable without a live model, QueueFull, or Timeout at the deadline."""
        started = perf_counter()
        live = self._traffic.live
        if live is None:
            raise Unavailable("no model is live", f"release a version of {self._settings.model} first")
        split = self._traffic.split(self._clock())
        key = call.traffic_key or call.email.message_id or call.request_id
        measured = self._measuring.begin(call.email)
        limit_s = min(call.timeout_s, self._settings.request_timeout_s)
        deadline = asyncio.get_running_loop().time() + limit_s
        routed = _Routed(call, live, split, split.choose(key), split.bucket(key), started, deadline, measured)
        try:
            async with asyncio.timeout_at(deadline):
                answer = await self._ask(routed)
        except (QueueFull, asyncio.CancelledError):
            if measured:
                measured.cancel()
            raise
        except TimeoutError:
            # Who waits for less than the service allows must not count against a version.
            if limit_s == self._settings.request_timeout_s:
                await self._remember(routed, _NO_ANSWER)
            raise Timeout(f"no answer within {limit_s:.3g} s", "the service is overloaded; send it again later") from None
        except Exception:
            await self._remember(routed, _NO_ANSWER)
            raise
        return await self._remember(routed, answer)

    async def settle(self) -> None:
        """Wait for mirrored answers that are still out, so that their events are not lost."""
        while self._mirrors:
            await asyncio.wait(self._mirrors)

    async def _ask(self, routed: _Routed) -> _Answer:
        candidate = routed.split.candidate
        if candidate is None:
            return await self._recall(routed)
        # Beside a candidate nobody recalls: both are measured, and stable must not look quick for having remembered.
        if routed.chosen is Variant.STABLE:
            return await self._ask_stable(routed, Outcome.OK)
        try:
            said = await self._candidate.predict(candidate, routed.call.email)
        except CandidateFailed:
            self._metrics.fault("candidate")
            return await self._ask_stable(routed, Outcome.FALLBACK)
        return _Answer(said, candidate.version, Outcome.OK)

    async def _recall(self, routed: _Routed) -> _Answer:
        """Stable's answer, from what it said of the same content before where that is kept."""
        if self._results is None:
            return await self._ask_stable(routed, Outcome.OK)
        key = self._results.key(routed.live.ref.digest, routed.call.email)
        known = self._results.get(key)
        self._metrics.recalled(hit=known is not None)
        if known is not None:
            return _Answer(known, routed.live.ref.version, Outcome.OK, cached=True)
        answer = await self._ask_stable(routed, Outcome.OK)
        if fit_to_keep(answer.said):
            self._results.put(key, answer.said)
        return answer

    async def _ask_stable(self, routed: _Routed, outcome: Outcome) -> _Answer:
        live = routed.live
        if self._engine is None or self._engine[0] is not live:
            self._engine = live, self._engines.open(live)
        engine = self._engine[1]
        if not routed.call.follows and (wait_s := engine.wait_s) > self._settings.longest_wait_s:
            raise QueueFull(f"you would wait {wait_s:.2g} s", "send fewer at once, or again later")
        return _Answer(await engine.predict(routed.call.email, routed.deadline), live.ref.version, outcome)

    async def _remember(self, routed: _Routed, answer: _Answer) -> TriageResult:
        features = await self._measuring.end(routed.measured, routed.call.email, routed.call.request_id)
        result = TriageResult(
            request_id=routed.call.request_id,
            message_id=routed.call.email.message_id,
            model=self._settings.model,
            version=answer.version or routed.live.ref.version,
            variant=routed.chosen if answer.outcome is Outcome.OK else Variant.STABLE,
            outcome=answer.outcome,
            said=answer.said,
            latency_ms=(perf_counter() - routed.started) * 1000,
            cached=answer.cached,
        )
        self._metrics.answered(result)
        event = self._event(routed, result, features)
        self._recorder.sample(event, result, routed.call.email)
        mirrored = routed.split.mirror and routed.split.candidate is not None and routed.chosen is Variant.STABLE
        if not mirrored or len(self._mirrors) >= self._settings.mirror_limit:
            self._recorder.record(event)
            return result
        self._recorder.record(replace(event, mirror=Mirror.AWAITED))
        mirror = asyncio.get_running_loop().create_task(self._mirror(routed, event, result.said))
        self._mirrors.add(mirror)
        mirror.add_done_callback(self._mirrors.discard)
        return result

    def _event(self, routed: _Routed, result: TriageResult, features: dict[str, float]) -> PredictionEvent:
        return PredictionEvent(
            at=self._clock(),
            request_id=result.request_id,
            model=result.model,
            version=result.version,
            # Whoever was chosen, not whoever answered: so that a fallback counts against the candidate.
            variant=routed.chosen,
            outcome=result.outcome,
            candidate_weight=routed.split.weight,
            latency_ms=result.latency_ms,
            label=label_of(result.said),
            confidence=confidence_of(result.said),
            features=features | figures_of(result.said),
            traffic_bucket=routed.bucket,
            escalation=escalation_of(result.said),
        )

    async def _mirror(self, routed: _Routed, event: PredictionEvent, said: Said) -> None:
        """Ask the candidate too, and write the event once more with what it said; a killed replica has the first."""
        assert routed.split.candidate is not None
        try:
            label = mirrored_label(said, await self._candidate.predict(routed.split.candidate, routed.call.email))
        except CandidateFailed:
            self._metrics.fault("mirror")
            return
        self._recorder.record(replace(event, mirror_label=label, mirror=Mirror.ANSWERED))
