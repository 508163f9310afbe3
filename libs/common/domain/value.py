"""The base of persisted values: frozen, strict about unknown fields, JSON in and out."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value; unknown fields are an error, so that a typo never passes as a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
