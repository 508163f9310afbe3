"""Requests to promote, and the approvals given to each."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from libs.common.domain.promotion import Approval, Promotion
from libs.common.errors import PromotionRefused, StoreError
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import approvals, promotions
from libs.common.stores.records.values import read_value


class PromotionStore:
    """One row a promotion and one an approval. Approvals are only ever added: no later save can lose one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, promotion: Promotion) -> Promotion:
        """Add or replace a promotion, keeping every approval given so far; returns it with all of them."""
        row = {
            "id": promotion.id,
            "model": promotion.model,
            "requested_at": promotion.requested_at,
            "decided_at": promotion.decided_at,
            "value": promotion.model_dump_json(exclude={"approvals"}),
        }
        with self._database.write() as connection:
            self._database.upsert(connection, promotions, row)
            for approval in promotion.approvals:
                self._add(connection, promotion.id, approval)
            return _one(connection, promotion.id)

    def add_approval(self, id: str, approval: Approval) -> Promotion:
        """Add one person's yes or no, once; PromotionRefused when the promotion is decided already."""
        with self._database.write() as connection:
            # The lock keeps a decision from being saved between this check and the approval.
            promotion = _one(connection, id, lock=True)
            if promotion.decided_at is not None:
                raise PromotionRefused(
                    f"promotion {id} was decided at {promotion.decided_at:%F %T}: {promotion.outcome}",
                    "ask for a new promotion",
                )
            self._add(connection, id, approval)
            return _one(connection, id)

    def get(self, id: str) -> Promotion:
        """The promotion of that id with its approvals in the order given; StoreError when there is none."""
        with self._database.read() as connection:
            return _one(connection, id)

    def open(self) -> list[Promotion]:
        """Every promotion that is not decided, oldest first."""
        return self._select(promotions.c.decided_at.is_(None))

    def list(self, model: str) -> Sequence[Promotion]:
        """Every promotion of a model, oldest first."""
        return self._select(promotions.c.model == model)

    def _add(self, connection: Connection, id: str, approval: Approval) -> None:
        row = {
            "promotion_id": id,
            "approver": approval.approver,
            "approved": approval.approved,
            "value": approval.model_dump_json(),
        }
        self._database.add_once(connection, approvals, row, keys=("promotion_id", "approver", "approved"))

    def _select(self, condition: ColumnElement[bool]) -> "list[Promotion]":
        query = select(promotions.c.id).where(condition).order_by(promotions.c.requested_at, promotions.c.id)
        with self._database.read() as connection:
            return [_one(connection, id) for id in connection.scalars(query).all()]


def _one(connection: Connection, id: str, lock: bool = False) -> Promotion:
    query = select(promotions.c.value).where(promotions.c.id == id)
    text = connection.scalars(query.with_for_update() if lock else query).one_or_none()
    if text is None:
        raise StoreError(f"there is no promotion {id}", "`triage promotions MODEL` lists the ids")
    given = select(approvals.c.value).where(approvals.c.promotion_id == id).order_by(approvals.c.id)
    votes = tuple(read_value(Approval, vote, f"approval of {id}") for vote in connection.scalars(given))
    return read_value(Promotion, text, f"promotion {id}").model_copy(update={"approvals": votes})
