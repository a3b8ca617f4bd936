"""Committed facts, numbered without a gap, as the API and webhooks tell them (P33)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from inboxd.model.ids import AccountId, EventSeq


class EventType(StrEnum):
    """What happened; the word is the same in the database, the API and the logs."""

    ACCOUNT_ADDED = "account.added"
    ACCOUNT_REMOVED = "account.removed"
    ACCOUNT_PHASE = "account.phase"
    CONDITIONS_CHANGED = "conditions.changed"
    SETTINGS_CHANGED = "settings.changed"
    HISTORY_STARTED = "history.started"
    HISTORY_FINISHED = "history.finished"
    MESSAGE_STORED = "message.stored"
    MESSAGE_CHANGED = "message.changed"
    """Its placements or labels are others now."""
    MESSAGE_GONE = "message.gone"
    """Its last placement has left the server."""
    MESSAGE_DELETED = "message.deleted"
    """Somebody deleted it here."""
    MESSAGE_ARCHIVED = "message.archived"
    """Somebody archived it here."""
    MESSAGE_PURGED = "message.purged"
    """It was deleted on the server and is no longer kept here either (P16)."""
    MIRROR_FAILED = "mirror.failed"
    """Deleting or archiving on the server was refused for good (P23)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One committed event."""

    seq: EventSeq
    type: EventType
    time: datetime
    account: AccountId | None
    data: dict[str, Any]
    historical: bool = False
    """Part of a history run: announced only to those who ask for it."""
