"""What was decided, wanted, found and reported, in one database: SQLite by default, PostgreSQL by URL.

``migrate(url)`` once, then ``open_records(url)`` in as many threads and processes as there are.
"""

from collections.abc import Callable

from libs.common.domain.audit import AuditHead
from libs.common.stores.records.alerts import AlertStore
from libs.common.stores.records.audit import AuditTrail
from libs.common.stores.records.batches import BatchStore
from libs.common.stores.records.database import Database
from libs.common.stores.records.evidence import EvidenceStore
from libs.common.stores.records.feedback import FeedbackStore
from libs.common.stores.records.measurements import MeasurementStore
from libs.common.stores.records.migrations import migrate
from libs.common.stores.records.principals import PrincipalStore
from libs.common.stores.records.promotions import PromotionStore
from libs.common.stores.records.retrainings import RetrainingStore
from libs.common.stores.records.rollouts import RolloutStore
from libs.common.stores.records.traffic import TrafficStore

__all__ = ["Records", "migrate", "open_records"]


class Records:
    """The parts of the records store over one database. Safe for threads; every failure is a StoreError."""

    def __init__(self, database: Database, keep_head: Callable[[AuditHead], None] | None = None) -> None:
        self._database = database
        self.audit = AuditTrail(database, keep_head)
        self.traffic = TrafficStore(database)
        self.rollouts = RolloutStore(database)
        self.promotions = PromotionStore(database)
        self.evidence = EvidenceStore(database)
        self.feedback = FeedbackStore(database)
        self.alerts = AlertStore(database)
        self.measurements = MeasurementStore(database)
        self.principals = PrincipalStore(database)
        self.retrainings = RetrainingStore(database)
        self.batches = BatchStore(database)

    def close(self) -> None:
        """Close the idle connections; using a part again opens new ones."""
        self._database.close()


def open_records(url: str, keep_head: Callable[[AuditHead], None] | None = None) -> Records:
    """The records at ``url`` (``sqlite:////path/records.db``, ``postgresql+psycopg://…``), which ``migrate`` has prepared.

    Nothing is opened before the first use. ``keep_head`` notes each new head of the audit chain outside the database.
    """
    return Records(Database(url), keep_head)
