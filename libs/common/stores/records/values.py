"""How a value goes into a row and comes out of it."""

from typing import TypeVar

from pydantic import ValidationError

from libs.common.domain.value import Value
from libs.common.errors import StoreError

V = TypeVar("V", bound=Value)


def read_value(kind: type[V], text: str, where: str) -> V:
    """The value that a row holds; StoreError naming the row, as ``where``, when it is not one."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise unreadable(kind.__name__, where, error) from error


def unreadable(kind: str, where: str, error: ValidationError) -> StoreError:
    """The error for a row whose JSON is damaged or was written by another version of this program."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "value"
    return StoreError(
        f"records: {where} cannot be read as a {kind}: {place}: {first['msg']}",
        "it was changed by hand or written by another version of triage: restore it from a backup",
    )
