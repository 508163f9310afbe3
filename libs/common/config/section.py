"""What all sections share: strictness, and the field types that the specification's notation needs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic_core import PydanticCustomError

from libs.common import notation
from libs.common.errors import ConfigError


class Section(BaseModel):
    """A frozen part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Secret:
    """The name of an environment variable; its value never enters the configuration."""

    variable: str

    def reveal(self) -> str | None:
        """The value, or None where the variable is unset or empty."""
        return os.environ.get(self.variable) or None

    def require(self) -> str:
        """The value; ConfigError where it is not set."""
        value = self.reveal()
        if value is None:
            raise ConfigError([f"environment variable {self.variable} is not set; export it before you start"])
        return value

    def __str__(self) -> str:
        return "***" if self.reveal() else "*** (not set)"


def _as_secret(written: object) -> object:
    if isinstance(written, Secret):
        return written
    if isinstance(written, str) and written.startswith("${") and written.endswith("}"):
        return Secret(written[2:-1])
    raise PydanticCustomError("secret_in_file", "a secret never stands in a file; write '${{NAME}}' and export NAME")


def _as_address(written: object) -> object:
    return _as_secret(written) if isinstance(written, str) and written.startswith("${") else written


def _read_with(parse: Callable[[str], object], kind: type) -> Callable[[object], object]:
    def read(written: object) -> object:
        if isinstance(written, kind):
            return written
        if not isinstance(written, str):
            raise ValueError(f"found {written!r}; write it with its unit, in quotes")
        return parse(written)

    return read


Duration = Annotated[
    timedelta, BeforeValidator(_read_with(notation.parse_duration, timedelta)), PlainSerializer(notation.format_duration)
]
Size = Annotated[int, BeforeValidator(_read_with(notation.parse_size, int))]
Share = Annotated[float, BeforeValidator(notation.parse_share)]
SecretField = Annotated[Secret, BeforeValidator(_as_secret), PlainSerializer(str)]
Address = Annotated[Secret | str, BeforeValidator(_as_address), PlainSerializer(str)]


def resolve(address: Secret | str) -> str:
    """An address in plain, its secret revealed; ConfigError where the variable is not set."""
    return address.require() if isinstance(address, Secret) else address


def resolve_or_empty(address: Secret | str) -> str:
    """As `resolve`, empty where the variable is not set."""
    return address.reveal() or "" if isinstance(address, Secret) else address
