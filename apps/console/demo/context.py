"""What the steps of the story work with, and what they learn on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from apps.console.demo.chronicle import Chronicle
from apps.console.demo.load_process import LoadProcess
from apps.console.demo.mailbox import TriagedMailbox
from apps.console.demo.mailings import Mailing
from apps.console.demo.webhook import AlertReceiver
from apps.console.session import Session
from libs.common.config.home import Home
from libs.common.errors import TriageError

Known = TypeVar("Known")
MODEL = "email_classifier"
DATASET = "emails"


@dataclass
class Demo:
    """One run of the story. ``tell`` shows what is going on in the step at hand.

    ``mislabelling`` is the flow run that builds the mislabelled dataset, ``batch`` the id of the batch that was ordered.
    """

    home: Home
    source: str
    recipe: str | None
    receiver: AlertReceiver
    tell: Callable[[str], None]
    chronicle: Chronicle = field(default_factory=Chronicle)
    opened: Session | None = None
    url: str = ""
    mailing: Mailing | None = None
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    running: LoadProcess | None = None
    drifts_from: datetime | None = None
    dataset: str = ""
    mislabelling: str = ""
    batch: str = ""
    mailbox: TriagedMailbox | None = None
    champion: str = ""
    worse: str = ""
    retrained: str = ""

    @property
    def session(self) -> Session:
        """The installation, once it is up."""
        return _there(self.opened, "the platform is not up")

    @property
    def load(self) -> LoadProcess:
        """The traffic, once it has begun."""
        return _there(self.running, "there is no traffic yet")

    @property
    def folder(self) -> Path:
        """Where the demo keeps what is its own: mails to send and what became of them."""
        return self.home.root / "demo"

    def now(self) -> datetime:
        """The current time, UTC."""
        return datetime.now(UTC)


def _there(found: Known | None, otherwise: str) -> Known:
    if found is None:
        raise TriageError(otherwise, "an earlier step has failed")
    return found
