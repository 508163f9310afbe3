"""What callers might send, from valid requests to noise."""

import copy
import json
from functools import reduce
from typing import Any

from hypothesis import strategies as st

leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
attachment = st.fixed_dictionaries(
    {}, optional={"name": st.text(max_size=9) | anything, "size_bytes": st.integers() | anything}
)
email = st.fixed_dictionaries(
    {},
    optional={
        "message_id": st.text(max_size=30) | anything,
        "sender": st.emails() | anything,
        "subject": st.text(max_size=30) | anything,
        "body": st.text(max_size=90) | anything,
        "is_html": st.booleans() | anything,
        "recipients": st.lists(st.emails(), max_size=2) | anything,
        "sent_at": st.datetimes().map(str) | anything,
        "attachments": st.lists(attachment, max_size=3) | anything,
        "colour": anything,
    },
)
lines = st.sampled_from(
    [
        b"From: ann@example.com",
        b"Subject: =?utf-8?b?////?=",
        b"Subject: =?x-no-such?q?=ZZ?=",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: text/plain; charset=nonsense",
        b"Content-Transfer-Encoding: base64",
        b"Date: Fri, 99 Foo 9999 99:99",
        b"Message-ID: <>",
        b"--b",
        b"--b--",
        b"",
        b"Lunch?",
    ]
)
messages = st.lists(lines | st.binary(max_size=40), max_size=14).map(b"\r\n".join)
texts = email.map(lambda document: json.dumps(document, default=str)) | messages.map(lambda raw: raw.decode("latin-1"))
tensor = st.fixed_dictionaries(
    {"name": st.sampled_from(["email", "subject", "body"]) | st.text(max_size=5), "datatype": st.just("BYTES") | leaves},
    optional={
        "shape": st.just([1]) | st.lists(st.integers(-1, 3), max_size=3) | leaves,
        "data": st.lists(texts | leaves, max_size=3),
    },
)
inference = st.fixed_dictionaries(
    {"inputs": st.lists(tensor, max_size=3) | leaves}, optional={"id": leaves, "outputs": st.lists(tensor, max_size=2) | leaves}
)
feedback = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.text(max_size=9) | st.just("r-1"),
        "label": st.sampled_from(["spam", "x"]) | leaves,
        "email": email,
    },
)
documents = (
    email | st.builds(lambda listed: {"emails": listed}, st.lists(email, max_size=4) | leaves) | inference | feedback | anything
)
bodies = documents.map(lambda document: json.dumps(document, default=str).encode()) | messages | st.binary(max_size=200)
bodies |= st.sampled_from(
    [b"[" * 4_000, b'{"a":' * 900, b'{"emails":' * 400 + b"1", b"x" * 6_000, b'{"subject":"\\ud800"}', b"\xff"]
)
header_values = st.binary(max_size=30) | st.sampled_from(
    [b"1", b"mine", b"application/json", b"message/rfc822", b"text/html", b"gzip"]
)
header_names = st.sampled_from(
    [
        b"content-type",
        b"x-request-id",
        b"x-request-timeout-ms",
        b"x-traffic-key",
        b"idempotency-key",
        b"authorization",
        b"origin",
        b"accept",
        b"content-encoding",
    ]
)
headers = st.lists(st.tuples(header_names, header_values), max_size=5)
queries = st.sampled_from([b"", b"explain=true", b"explain=%ff", b"explain", b"a=1&a=2"]) | st.binary(max_size=12)

said = st.text(max_size=30)
written = said.filter(lambda text: bool(text.replace("\0", "").strip()))
valid_attachment = st.fixed_dictionaries({}, optional={"name": said, "content_type": said, "size_bytes": st.integers(0, 2**40)})
valid_email = st.fixed_dictionaries(
    {"subject": written},
    optional={
        "message_id": said,
        "sender": st.emails() | said,
        "body": st.text(max_size=90) | messages.map(lambda raw: raw.decode("latin-1")),
        "is_html": st.booleans(),
        "recipients": st.lists(st.emails() | said, max_size=3),
        "sent_at": st.datetimes().map(lambda at: at.isoformat()),
        "thread_id": said,
        "attachments": st.lists(valid_attachment, max_size=3),
    },
)


def column(name: str, elements: list[str]) -> dict[str, Any]:
    """A tensor of an inference request."""
    return {"name": name, "datatype": "BYTES", "shape": [len(elements)], "data": elements}


def inputs(*named: tuple[str, st.SearchStrategy[str]]) -> st.SearchStrategy[dict[str, Any]]:
    """Inference requests of these columns."""
    rows = st.lists(st.tuples(*(elements for _, elements in named)), min_size=1, max_size=4)
    return rows.map(
        lambda listed: {
            "inputs": [column(name, list(each)) for (name, _), each in zip(named, zip(*listed, strict=True), strict=True)]
        }
    )


valid_emails = valid_email | st.lists(valid_email, min_size=1, max_size=4).map(lambda listed: {"emails": listed})
valid = {
    "/v1/classify": valid_emails,
    "/v1/summarize": valid_emails,
    "/v1/triage": valid_emails,
    "/v1/feedback": st.fixed_dictionaries(
        {"request_id": st.from_regex(r"[A-Za-z0-9._:-]{1,20}", fullmatch=True), "label": st.sampled_from(["spam", "work"])},
        optional={"email": valid_email},
    ),
    "/v2/models/{model}/infer": inputs(("email", valid_email.map(json.dumps)))
    | inputs(("subject", written))
    | inputs(("subject", written), ("body", said)),
}


@st.composite
def almost(draw: st.DrawFn, whole: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """A request of ``whole`` with something else in one of its places."""
    document = copy.deepcopy(draw(whole))
    *way, last = draw(st.sampled_from(places_in(document)))
    reduce(lambda found, step: found[step], way, document)[last] = draw(anything)
    return document


def places_in(node: Any) -> list[tuple[Any, ...]]:
    """The way to each value in a document."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [way for name, child in children for way in ((name,), *((name, *rest) for rest in places_in(child)))]
