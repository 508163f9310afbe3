"""Which web pages may call (CORS): none, unless their origins are configured."""

from collections.abc import Collection

from apps.serving.http import Headers, Reply

_REQUEST_HEADERS = b"Authorization, Content-Type, Idempotency-Key, X-Request-Id, X-Request-Timeout-Ms, X-Traffic-Key"
_REPLY_HEADERS = (
    b"Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Model-Variant, X-Model-Version, X-Request-Id"
)


def cors_headers(origin: bytes, allowed: Collection[bytes]) -> Headers:
    """What lets a page of ``origin`` read the reply; for any other only that replies differ by origin."""
    if origin not in allowed:
        return ((b"vary", b"Origin"),)
    return (
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _REPLY_HEADERS),
    )


def preflight(methods: Collection[str]) -> Reply:
    """The reply to a browser that asks, before it calls a path which answers ``methods``, whether it may."""
    headers: Headers = (
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", b"600"),
    )
    return Reply(200, b"", b"text/plain", headers)
