"""The ledger and the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from inboxd.api.given import MAX_ID
from inboxd.api.schemas.base import Answer, PageOf, Request


class LedgerEntry(Answer):
    """What became of one UID in scope."""

    folder: str
    uidvalidity: int
    uid: int
    outcome: str = Field(examples=["stored", "skipped", "quarantined"])
    reason: str


class Ledger(PageOf[LedgerEntry]):
    """One page of the ledger."""


class LedgerFilter(Request):
    """Which part of the ledger."""

    folder: str | None = None
    limit: int = Field(default=500, ge=1, le=5000)
    cursor: str | None = None


class Event(Answer):
    """One committed event (P33)."""

    seq: int
    type: str = Field(examples=["message.stored"])
    time: datetime
    account: int | None
    data: dict[str, Any]
    historical: bool = Field(default=False, description="Part of a history; only there when true.")


class Events(PageOf[Event]):
    """One page of events; `next` is sent as `after`."""


class EventFilter(Request):
    """Where to begin, and what to leave out."""

    after: int = Field(default=0, ge=0, le=MAX_ID, description="The last number already seen.")
    historical: bool = Field(default=False, description="Also the events of histories.")
    follow: bool = Field(
        default=True, description="A stream that goes on with new events; else one page of a list."
    )
    limit: int = Field(default=500, ge=1, le=1000, description="Of the list; a stream has no end.")
