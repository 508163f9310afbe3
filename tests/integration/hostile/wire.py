"""Messages as they go over the wire, put together from headers and parts without asking whether they are valid."""

import base64
from collections.abc import Callable

Builder = Callable[[], bytes]
MEGABYTE = 1_000_000
TEXT = b"Dear team,\n\nplease look at the attached figures.\n\nAnna\n"


def mail(body: bytes = TEXT, *headers: bytes) -> bytes:
    """A message with an ordinary head, more headers, and this body."""
    head = (b"From: Anna <anna@example.com>", b"To: team@example.com", b"Subject: figures", *headers)
    return b"\n".join(head) + b"\n\n" + body


def of_type(content_type: bytes, body: bytes = TEXT, *headers: bytes) -> bytes:
    """A message whose body claims to be of this type."""
    return mail(body, b"MIME-Version: 1.0", b"Content-Type: " + content_type, *headers)


def part(content_type: bytes, body: bytes = TEXT, *headers: bytes) -> bytes:
    """One part of a multipart."""
    return b"\n".join((b"Content-Type: " + content_type, *headers)) + b"\n\n" + body


def multipart(*parts: bytes, kind: bytes = b"mixed", boundary: bytes = b"edge", end: bytes = b"--\n") -> bytes:
    """A message of these parts."""
    return of_type(b'multipart/%s; boundary="%s"' % (kind, boundary), joined(*parts, boundary=boundary, end=end))


def joined(*parts: bytes, boundary: bytes = b"edge", end: bytes = b"--\n") -> bytes:
    """Parts between boundaries."""
    return b"".join(b"\n--%s\n%s" % (boundary, each) for each in parts) + b"\n--" + boundary + end


def in_base64(content: bytes, *, width: int = 57) -> bytes:
    """Base64 in lines, of 76 characters unless told."""
    if width == 57:
        return base64.encodebytes(content)
    return b"".join(base64.b64encode(content[at : at + width]) + b"\n" for at in range(0, len(content), width))


def attachment(content: bytes, content_type: bytes = b"application/zip", name: bytes = b"figures.zip") -> bytes:
    """A part with a file in base64."""
    disposition = b'Content-Disposition: attachment; filename="%s"' % name
    return part(content_type, in_base64(content), b"Content-Transfer-Encoding: base64", disposition)


def html(markup: bytes) -> bytes:
    """A message of HTML."""
    return of_type(b"text/html; charset=utf-8", markup)
