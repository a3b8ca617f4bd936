"""The JSON of the API: what is sent in, and what comes back, field by field.

Answers are read straight off the views of `inboxd.model` (`from_attributes`), so a field is
spelled once. Times are ISO 8601 in UTC with a Z. Unknown fields of a request are refused: a
misspelled option must not look as if it had worked. Descriptions stand in `Field` and not in
docstrings, which pydantic would parse at every start for 55 ms.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

T = TypeVar("T")

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Labels = Literal["all"] | list[str]


def _spelled_out(value: object) -> object:
    """Pydantic would also take a bare number as seconds since 1970: `since=2026` surely is not."""
    if isinstance(value, str) and not _ISO_DATE.match(value):
        raise ValueError("is no ISO 8601 date or time, such as 2026-01-31T09:30:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    """A time without a zone is UTC, as all times of this API are."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None


Moment = Annotated[datetime, BeforeValidator(_spelled_out), AfterValidator(_in_utc)]


def _encodable(secret: SecretStr) -> SecretStr:
    """JSON can spell half a surrogate pair, which no byte on a wire can; pydantic looks away."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("is no text that can be encoded as UTF-8") from None
    return secret


Secret = Annotated[SecretStr, Field(min_length=1, max_length=100_000), AfterValidator(_encodable)]


class Answer(BaseModel):
    """The base of what comes back."""

    model_config = ConfigDict(from_attributes=True)


class Request(BaseModel):
    """The base of what is sent in."""

    model_config = ConfigDict(extra="forbid")


class PageOf(Answer, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(
        description="Send it as `cursor` for the following page; null on the last."
    )


class ListFilter(Request):
    """Which part of a list."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = None
