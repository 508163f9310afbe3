"""What happened when, as the story tells it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened; ``marked`` ones get a line in the plots, ``version`` is the one it happened to."""

    at: datetime
    title: str
    text: str = ""
    version: str = ""
    marked: bool = True


@dataclass
class Chronicle:
    """The moments of one story, in order."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    moments: list[Moment] = field(default_factory=list[Moment])

    def note(self, title: str, text: str = "", version: str = "", at: datetime | None = None, marked: bool = True) -> Moment:
        """Add a moment, of now where no time is given."""
        moment = Moment(at or datetime.now(UTC), title, text, version, marked)
        self.moments.append(moment)
        self.moments.sort(key=lambda known: known.at)
        return moment

    def seconds(self, at: datetime) -> float:
        """Seconds since the story began."""
        return (at - self.began).total_seconds()
