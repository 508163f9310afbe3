"""Reads an mbox of any size, a message at a time, in stretches that several tasks read side by side.

Messages begin and end where the stdlib's ``mailbox.mbox`` sees them, which keeps a table of all of them in memory.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

from libs.common.sources.raw_mail import RawMail, readable_name

_OPENING = re.compile(rb"\nFrom ")
_BLOCK_BYTES = 1 << 20
_STRETCH_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class MboxStretch:
    """The ``mails`` messages of an mbox that begin in bytes ``begin`` to ``end``; the one at ``begin`` is number ``first``."""

    path: Path
    begin: int
    end: int
    first: int
    mails: int

    def read(self) -> Iterator[RawMail]:
        """The messages as raw mails; the place is the file's name without its suffix."""
        name, place = readable_name(self.path.name), readable_name(self.path.stem)
        ends = pairwise(chain(_openings(self.path, self.begin, self.end), (self.end,)))
        with self.path.open("rb") as stream:
            for number, (begin, end) in enumerate(ends, start=self.first):
                stream.seek(begin)
                stream.readline()  # "From sender date", which is not part of the message
                content = stream.read(end - stream.tell())
                yield RawMail(f"{name}#{number}", raw=_without_gap(content), place=place)


def stretches_of(path: Path, stretch_bytes: int = _STRETCH_BYTES) -> tuple[MboxStretch, ...]:
    """An mbox cut before messages, each stretch about ``stretch_bytes`` long; none where it holds no message."""
    size = path.stat().st_size
    cuts: list[tuple[int, int]] = []
    messages = 0
    for begin in _openings(path, 0, size):
        if not cuts or begin - cuts[-1][0] >= stretch_bytes:
            cuts.append((begin, messages))
        messages += 1
    ends = pairwise([*cuts, (size, messages)])
    return tuple(MboxStretch(path, begin, end, first, after - first) for (begin, first), (end, after) in ends)


def _openings(path: Path, begin: int, end: int) -> Iterator[int]:
    """Where the lines begin that open a message; ``begin`` must be the beginning of a line."""
    with path.open("rb") as stream:
        stream.seek(begin)
        held, offset = b"\n", begin - 1  # stands for the end of the line before
        while block := stream.read(min(_BLOCK_BYTES, end - stream.tell())):
            held += block
            yield from (offset + match.start() + 1 for match in _OPENING.finditer(held))
            # One byte less than is looked for: what was found is not found again, what was cut in two is.
            kept = held[-5:]
            offset += len(held) - len(kept)
            held = kept


def _without_gap(content: bytes) -> bytes:
    """Between messages stands an empty line, which belongs to neither."""
    return content[:-1] if content == b"\n" or content.endswith(b"\n\n") else content
