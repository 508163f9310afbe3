"""Answers → reply bodies."""

from collections.abc import Sequence

import orjson

from apps.serving.http import Headers, Reply
from libs.common.domain.triage import TriageResult


def one_reply(result: TriageResult) -> Reply:
    """The reply to a request for one e-mail."""
    return Reply(200, orjson.dumps(_document(result)), headers=_headers_of([result]))


def list_reply(request_id: str, results: Sequence[TriageResult]) -> Reply:
    """The reply to a request for several, in their order; each has a request id of its own, for feedback."""
    body = {"request_id": request_id, "results": [_document(result) for result in results]}
    return Reply(200, orjson.dumps(body), headers=_headers_of(results))


def _document(result: TriageResult) -> dict[str, object]:
    return {
        "request_id": result.request_id,
        "message_id": result.message_id,
        "model": result.model,
        "version": result.version,
        "variant": result.variant,
        "outcome": result.outcome,
        "label": result.prediction.label,
        "confidence": result.prediction.confidence,
        "probabilities": result.prediction.probabilities,
        "escalation": result.prediction.escalation,
        "latency_ms": round(result.latency_ms, 3),
    }


def _headers_of(results: Sequence[TriageResult]) -> Headers:
    versions = ",".join(sorted({result.version for result in results}))
    variants = ",".join(sorted({result.variant for result in results}))
    return (b"x-model-version", versions.encode()), (b"x-model-variant", variants.encode())
