"""What machines tell of a message that was sent (P31)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReportKind(StrEnum):
    """What a report tells."""

    DELIVERY = "delivery"
    DISPOSITION = "disposition"
    ABUSE = "abuse"


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of the message at one address."""

    address: str
    """The one written to where the report tells it, else the one it was forwarded to."""
    action: str
    """RFC 3464 2.3.3 (`failed`, `delayed`, `delivered`, `relayed`, `expanded`), the disposition
    type of RFC 8098 3.2.6.2 (`displayed`, `deleted`), or the feedback type (`abuse`)."""
    status: str
    """The RFC 3463 code, or an empty string."""
    permanent: bool
    """Failed, and not with a code that says another try may succeed (RFC 3463 3.1: 4.x.x)."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report about one message."""

    kind: ReportKind
    recipients: tuple[Recipient, ...]
    """Empty where the report names nobody whose address can be read."""
    original_message_id: str
    """Of the message it is about, without angle brackets; empty where it is not told."""
