"""Who may do what. Tokens are shown once, when they are made; only their SHA-256 is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import delete, select

from libs.common.domain.audit import Actor, Role
from libs.common.errors import NotAuthorised, StoreError
from libs.common.stores.records.database import Database
from libs.common.stores.records.schema import principals

PREFIX = "tri_"  # lets secret scanners recognise a leaked token


class PrincipalStore:
    """One row a principal: name, role and the digest of the one token."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, role: Role) -> str:
        """Make a principal and return its token; StoreError when the name is taken."""
        token = PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "role": role.value, "token_digest": _digest(token)}
        with self._database.write() as connection:
            if not self._database.add_once(connection, principals, row, keys=("name",)):
                raise StoreError(f"there is a principal {name} already", "remove it first, which ends its token")
        return token

    def remove(self, name: str) -> bool:
        """End a principal and its token; False when there was none."""
        with self._database.write() as connection:
            return connection.execute(delete(principals).where(principals.c.name == name)).rowcount == 1

    def authenticate(self, token: str) -> Actor:
        """Whose token it is; NotAuthorised when it is nobody's."""
        digest = _digest(token)
        with self._database.read() as connection:
            row = connection.execute(select(principals).where(principals.c.token_digest == digest)).one_or_none()
        if row is None or not hmac.compare_digest(row.token_digest, digest):
            raise NotAuthorised("the token is unknown", "pass the token that was printed when the principal was added")
        return Actor(name=row.name, role=Role(row.role))

    def list(self) -> Sequence[Actor]:
        """Every principal, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(principals).order_by(principals.c.name)).all()
        return [Actor(name=row.name, role=Role(row.role)) for row in rows]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
