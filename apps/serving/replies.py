"""Answers → reply bodies."""

from collections.abc import Sequence

import orjson

from apps.serving.http import Headers, Reply
from libs.common.domain.triage import Said, Summary, TriageResult
from libs.common.models.explanation import Explanation


def one_reply(result: TriageResult) -> Reply:
    """The reply to a request for one e-mail."""
    return Reply(200, orjson.dumps(_document(result)), headers=model_headers([result]))


def explained_reply(result: TriageResult, explanation: Explanation | None) -> Reply:
    """The reply to a request for one e-mail, with its explanation or null where there can be none."""
    body = _document(result) | {"explanation": None if explanation is None else _reasons(explanation)}
    return Reply(200, orjson.dumps(body), headers=model_headers([result]))


def list_reply(request_id: str, results: Sequence[TriageResult]) -> Reply:
    """The reply to a request for several, in their order; each has a request id of its own, for feedback."""
    body = {"request_id": request_id, "results": [_document(result) for result in results]}
    return Reply(200, orjson.dumps(body), headers=model_headers(results))


def triaged_reply(classified: TriageResult, summarized: TriageResult) -> Reply:
    """The reply to a request for both answers to one e-mail."""
    return Reply(200, orjson.dumps(_triaged(classified, summarized)), headers=_both_headers([classified], [summarized]))


def triaged_list_reply(request_id: str, classified: Sequence[TriageResult], summarized: Sequence[TriageResult]) -> Reply:
    """The reply to a request for both answers to several, in their order."""
    body = {"request_id": request_id, "results": [_triaged(*both) for both in zip(classified, summarized, strict=True)]}
    return Reply(200, orjson.dumps(body), headers=_both_headers(classified, summarized))


def _triaged(classified: TriageResult, summarized: TriageResult) -> dict[str, object]:
    return {
        "request_id": classified.request_id,
        "message_id": classified.message_id,
        "classification": _document(classified),
        "summarization": _document(summarized),
    }


def _document(result: TriageResult) -> dict[str, object]:
    return {
        "request_id": result.request_id,
        "message_id": result.message_id,
        "model": result.model,
        "version": result.version,
        "variant": result.variant,
        "outcome": result.outcome,
        **_said(result.said),
        "latency_ms": round(result.latency_ms, 3),
        "cached": result.cached,
    }


def _said(said: Said) -> dict[str, object]:
    if isinstance(said, Summary):
        return {"summary": said.text}
    return {
        "label": said.label,
        "confidence": said.confidence,
        "probabilities": said.probabilities,
        "escalation": said.escalation,
    }


def _reasons(explanation: Explanation) -> dict[str, object]:
    reasons = [reason._asdict() for reason in explanation.reasons]
    return {"method": explanation.method, "margin": explanation.margin, "reasons": reasons}


def versions_of(results: Sequence[TriageResult]) -> str:
    """The versions that answered, each once."""
    return ",".join(sorted({result.version for result in results}))


def model_headers(results: Sequence[TriageResult]) -> Headers:
    """Who answered, as headers."""
    variants = ",".join(sorted({result.variant for result in results}))
    return (b"x-model-version", versions_of(results).encode()), (b"x-model-variant", variants.encode())


def _both_headers(classified: Sequence[TriageResult], summarized: Sequence[TriageResult]) -> Headers:
    """Who answered, where two models did: a version is named with its model."""
    results = (*classified, *summarized)
    versions = dict.fromkeys(f"{result.model}/{result.version}" for result in results)
    variants = ",".join(sorted({result.variant for result in results}))
    return (b"x-model-version", ",".join(versions).encode()), (b"x-model-variant", variants.encode())
