"""The desired traffic of each model, changed by compare-and-set, and what its replicas report to have applied."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select, update

from libs.common.domain.traffic import ReplicaReport, Traffic
from libs.common.errors import StoreError
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import replica_reports, traffic
from libs.common.stores.records.values import read_value

_ATTEMPTS = 10
_IN_COLUMNS = {"revision", "lease_expires_at"}  # changed without rewriting the value


class TrafficStore:
    """One row a model. ``get`` is polled by every replica; ``renew_lease`` is one UPDATE."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model: str) -> Traffic:
        """The desired traffic; revision 0 with nothing in it for a model that never had any."""
        query = select(traffic).where(traffic.c.model == model)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return Traffic(model=model)
        kept = read_value(Traffic, row.value, f"traffic of {model}")
        return kept.model_copy(update={"revision": row.revision, "lease_expires_at": row.lease_expires_at})

    def save(self, wanted: Traffic) -> Traffic:
        """Replace the row that ``wanted`` was made from; StoreError when somebody else changed it meanwhile."""
        saved = wanted.model_copy(update={"revision": wanted.revision + 1})
        with self._database.write() as connection:
            if not self._replace(connection, wanted.revision, saved):
                raise StoreError(
                    f"the traffic of {wanted.model} changed since revision {wanted.revision} was read",
                    "read it again and decide on what it is now",
                )
        return saved

    def change(self, model: str, edit: Callable[[Traffic], Traffic]) -> Traffic:
        """Save what ``edit`` makes of the row, asking it again whenever somebody else was faster; equal rows are not saved."""
        for _ in range(_ATTEMPTS - 1):
            row = self.get(model)
            wanted = edit(row)
            if wanted == row:
                return row
            try:
                return self.save(wanted)
            except StoreError:
                if self.get(model).revision == row.revision:
                    raise
        return self.save(edit(self.get(model)))

    def renew_lease(self, model: str, candidate_version: str, until: datetime) -> None:
        """Let the candidate keep its traffic ``until`` then; StoreError when it is no longer the candidate."""
        held = (traffic.c.model == model) & (traffic.c.candidate_version == candidate_version)
        with self._database.write() as connection:
            renewed = connection.execute(update(traffic).where(held).values(lease_expires_at=until)).rowcount
        if not renewed:
            raise StoreError(
                f"{model}/{candidate_version} is not the candidate any more: its lease cannot be renewed",
                "somebody rolled it back or promoted it: stop this rollout",
            )

    def report(self, report: ReplicaReport) -> None:
        """Note what one replica has applied and loaded, in place of its last report."""
        row = {"model": report.model, "replica": report.replica, "at": report.at, "value": report.model_dump_json()}
        with self._database.write() as connection:
            self._database.upsert(connection, replica_reports, row)

    def reports(self, model: str, since: datetime) -> list[ReplicaReport]:
        """The last report of every replica that reported at ``since`` or later, by replica."""
        fresh = (replica_reports.c.model == model) & (replica_reports.c.at >= since)
        query = select(replica_reports.c.replica, replica_reports.c.value).where(fresh).order_by(replica_reports.c.replica)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [read_value(ReplicaReport, row.value, f"report of replica {row.replica}") for row in rows]

    def _replace(self, connection: Connection, revision: int, saved: Traffic) -> bool:
        row = {
            "revision": saved.revision,
            "candidate_version": saved.candidate.version if saved.candidate else None,
            "lease_expires_at": saved.lease_expires_at,
            "value": saved.model_dump_json(exclude=_IN_COLUMNS),
        }
        if revision == 0:
            return self._database.add_once(connection, traffic, {"model": saved.model, **row})
        unchanged = (traffic.c.model == saved.model) & (traffic.c.revision == revision)
        return connection.execute(update(traffic).where(unchanged).values(row)).rowcount == 1
