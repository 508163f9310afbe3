"""What a source is: its address, the digest of what it holds, and the stretches that tasks read side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from apps.training.reading.corpora import Quarantined
from libs.common.domain.triage import Feedback, LabelledEmail


class Stretch(Protocol):
    """A part of a source that one task reads; ``mails`` is how many it holds."""

    @property
    def mails(self) -> int: ...

    def read(self) -> Iterator[LabelledEmail | Quarantined]:
        """The mails in order."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was found and looks readable: its address, the SHA-256 of what it holds, its stretches.

    ``corrections`` is what users said, where the source is feedback.
    """

    uri: str
    digest: str
    stretches: tuple[Stretch, ...]
    corrections: tuple[Feedback, ...] = ()


def mails_of(sources: Sequence[Source]) -> int:
    """How many mails the sources hold together."""
    return sum(stretch.mails for source in sources for stretch in source.stretches)
