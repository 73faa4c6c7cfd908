"""What fields are made of, in and out: ids as text, instants in UTC, text that can be stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[
    str,
    StringConstraints(pattern=r"^[1-9][0-9]{0,17}$"),
    Field(description="The number of a row, as text."),
]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("The instant is out of range") from None


Instant = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    Field(description="ISO 8601 with an offset; answers are in UTC."),
]


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("Text cannot hold the NUL character")
    return value


Words = Annotated[str, AfterValidator(_storable)]
"""Text that a database can hold. JSON itself rules lone surrogates out."""


class Asked(BaseModel):
    """Base of what clients send: unknown fields are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Parameters(BaseModel):
    """Base of the parameters of an address: text that is read as what it should be."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """Base of what is answered. Clients should pass over fields they do not know."""

    model_config = ConfigDict(frozen=True)
