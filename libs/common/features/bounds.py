"""What of a raw message the standard library's parser gets to read: its cost grows with bytes, lines, parts and nesting.

An ordinary message passes untouched. Of an endless one the beginning of every part is kept, and how much was left out.
"""

import email.message
import email.parser
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

# 4 MB or 400 000 lines take half a second of one core. Every line is compared with every boundary around it: of a message
# that names many boundaries fewer lines are read.
MAX_BYTES = 4_000_000
MAX_LINES = 400_000
MAX_HEAD_BYTES = 256_000
# A text needs no more (400 000 characters in base64); of an attachment nothing but its header is read.
_MAX_PART_BYTES = 1_000_000
_LATER_PART_BYTES = 4_000
MAX_PARTS = 1000
# What splits parameters or addresses in the standard library is quadratic in the length of the header.
_MAX_HEADER_CHARS = {"to": 32_768, "cc": 32_768}
_MAX_OTHER_HEADER_CHARS = 8192
_MAX_PARAMETER_CHARS = 4096

_HEAD_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The bytes to parse, and the mark that stands, with a count of bytes, wherever something was left out."""

    content: bytes
    mark: str = ""

    def restored(self, payload: str) -> tuple[str, int]:
        """A part's payload without marks, and how many of its bytes (line ends not counted) were left out."""
        if not self.mark or self.mark not in payload:
            return payload, 0
        # The line end after a mark belongs to the boundary where one follows.
        marks = re.compile(rf"\n{self.mark} (\d+)\n?")
        return marks.sub("", payload), sum(map(int, marks.findall(payload)))


class Part(email.message.Message):
    """A part of the tree; ``sent_bytes`` is the size of a payload that was cut, as sent and without line ends, else 0."""

    sent_bytes = 0

    @property
    def is_base64(self) -> bool:
        """Whether the payload came in base64."""
        return str(self.get("content-transfer-encoding", "")).strip().lower() == "base64"


class _BoundedHeaders(email.policy.Compat32):
    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        known = name.lower()
        if known.startswith("content-"):
            return name, value[:_MAX_PARAMETER_CHARS]
        return name, value[: _MAX_HEADER_CHARS.get(known, _MAX_OTHER_HEADER_CHARS)]


def parse_bounded(cut: Excerpt) -> Part:
    """The tree of parts; RecursionError where it is too deep, ValueError where there are more than ``MAX_PARTS``."""
    made = 0
    policy = _BoundedHeaders()

    class Counted(Part):
        def __init__(self) -> None:
            nonlocal made
            super().__init__(policy)
            made += 1
            if made > MAX_PARTS:
                raise ValueError(f"the message has more than {MAX_PARTS} parts")

        def set_payload(self, payload: Any, charset: Any = None) -> None:
            kept, left_out = cut.restored(payload) if isinstance(payload, str) else ("", 0)
            if left_out:
                self.sent_bytes = len(kept) - kept.count("\n") - kept.count("\r") + left_out
                payload = _whole_quads(kept) if self.is_base64 else kept
            super().set_payload(payload, charset)

    return cast("Part", email.parser.BytesParser(Counted, policy=policy).parsebytes(cut.content))


def _whole_quads(payload: str) -> str:
    """Base64 that can be decoded although it was cut: four characters are three bytes."""
    signs = "".join(payload.split())
    return signs[: len(signs) // 4 * 4]


def parse_head(raw: bytes) -> tuple[email.message.Message, bytes]:
    """The headers alone, and the beginning of all the rest as it was sent: for a message whose parts can't be read."""
    pieces, start = _head(raw)
    head = email.parser.BytesHeaderParser(policy=_BoundedHeaders()).parsebytes(b"".join(pieces))
    start = start if head.keys() else 0
    return head, raw[start : start + _MAX_PART_BYTES]


def excerpt(raw: bytes) -> Excerpt:
    """Of every part of an endless message its beginning; any other message whole."""
    if len(raw) <= MAX_BYTES and _lines(raw) * (1 + _boundaries(raw)) <= MAX_LINES:
        return Excerpt(raw)
    mark = _unused(raw)
    pieces, start = _head(raw)
    size = 0
    for stop in _ends_of_parts(raw, start):
        room = _MAX_PART_BYTES if size < MAX_BYTES - _MAX_PART_BYTES else _LATER_PART_BYTES
        end = min(stop, start + room)
        pieces.append(raw[start:end])
        if end < stop:
            pieces.append(_note(raw, end, stop, mark))
        size += end - start
        start = stop
    content = b"".join(pieces)
    return Excerpt(_first_lines(content, MAX_LINES // (1 + _boundaries(content))), mark)


def _head(raw: bytes) -> tuple[list[bytes], int]:
    """The headers, at most ``MAX_HEAD_BYTES`` of them, and where what follows them begins."""
    stop = _head_end(raw, 0, min(MAX_HEAD_BYTES, len(raw)))
    if stop < MAX_HEAD_BYTES:
        return [raw[:stop]], stop
    whole_lines = raw.rfind(b"\n", 0, MAX_HEAD_BYTES) + 1
    return [raw[: whole_lines or MAX_HEAD_BYTES], b"\n" if whole_lines else b"\n\n"], _head_end(raw, MAX_HEAD_BYTES, len(raw))


def _head_end(raw: bytes, start: int, stop: int) -> int:
    """Behind the first blank line between ``start`` and ``stop``, else ``stop``."""
    # Not by a regular expression: that takes a second for 50 MB without a blank line.
    found = ((raw.find(end, start, stop), len(end)) for end in _HEAD_ENDS)
    return min((at + length for at, length in found if at >= 0), default=stop)


def _ends_of_parts(raw: bytes, start: int) -> Iterator[int]:
    """Where parts end: before each line that may be a boundary; what follows the last one allowed is left out."""
    for _ in range(MAX_PARTS):
        found = raw.find(b"\n--", start)
        if found < 0:
            yield len(raw)
            return
        start = found + 1
        yield start


def _note(raw: bytes, start: int, stop: int, mark: str) -> bytes:
    count = stop - start - raw.count(b"\n", start, stop) - raw.count(b"\r", start, stop)
    return f"\n{mark} {count}\n".encode()


def _unused(raw: bytes) -> str:
    number = 0
    while b"left-out-%d-bytes" % number in raw:
        number += 1
    return f"left-out-{number}-bytes"


def _lines(raw: bytes) -> int:
    return max(raw.count(b"\n"), raw.count(b"\r"))


def _boundaries(raw: bytes) -> int:
    return raw.lower().count(b"boundary")


def _first_lines(content: bytes, lines: int) -> bytes:
    if _lines(content) <= lines:
        return content
    ends = re.finditer(rb"\r\n|\r|\n", content)
    return content[: next((match.end() for number, match in enumerate(ends, 1) if number == lines), len(content))]
