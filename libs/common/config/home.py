"""The state home: everything that must survive a restart on one machine lies below it."""

import os
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one installation."""

    root: Path

    @classmethod
    def find(cls) -> "Home":
        """``TRIAGE_HOME``, or ``.triage`` beside the code."""
        return cls(Path(os.environ.get("TRIAGE_HOME") or REPO / ".triage").resolve())

    @property
    def predictions(self) -> Path:
        """Open segments of the prediction log, one folder a replica."""
        return self.root / "predictions"

    @property
    def models(self) -> Path:
        """Local copies of the model artifacts that replicas have loaded."""
        return self.root / "models"

    @property
    def keys(self) -> Path:
        """The key pair that models are signed with, unless others are named."""
        return self.root / "keys"

    @property
    def corpora(self) -> Path:
        """Public corpora that were fetched, one folder each."""
        return self.root / "corpora"

    @property
    def searches(self) -> Path:
        """What each search for options has tried, one folder a search."""
        return self.root / "searches"

    @property
    def prefect(self) -> Path:
        """The Prefect server's own state."""
        return self.root / "prefect"

    @property
    def logs(self) -> Path:
        """What each process wrote."""
        return self.root / "logs"

    @property
    def trainings(self) -> Path:
        """Checkpoints of training runs that have not ended, for the same request to go on from."""
        return self.root / "trainings"

    @property
    def run(self) -> Path:
        """Which processes belong to this home."""
        return self.root / "run"

    def expand(self, address: str) -> str:
        """``{home}/records.db`` → the real path."""
        return address.replace("{home}", str(self.root))
