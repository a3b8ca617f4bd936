"""What a message is once it has been read: plain frozen values, bytes and text only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Mark(StrEnum):
    """What kind of mail a message is."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    CALENDAR = "calendar"
    MAILING_LIST = "mailing_list"
    AUTOMATIC = "automatic"


class Action(StrEnum):
    """What a person does with a stored message (P23)."""

    DELETE = "delete"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox of a header field (RFC 5322 3.4), as shown; its key is computed, not kept."""

    name: str
    """The display name, decoded; empty where there is none."""
    address: str
    """`local@domain` as the sender wrote it, without angle brackets; empty if unreadable."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part that is not the text people read; its bytes stay in the raw message."""

    index: int
    """Its number within the message, from 0, in the order of the parts."""
    filename: str
    content_type: str
    size: int
    """Bytes after decoding the transfer encoding."""
    inline: bool
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """All that is read out of raw bytes. Text is valid UTF-8 without NUL or lone surrogates."""

    subject: str = ""
    from_: tuple[Address, ...] = ()
    sender: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    date: datetime | None = None
    """The Date field, aware UTC; None where it is absent or cannot be read."""
    message_id: str = ""
    """Without angle brackets; empty where there is none (P14: neither unique nor required)."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: str = ""
    """The best readable body; made from HTML where there is no plain text."""
    html: str = ""
    """The HTML part as sent: it must be sanitised before anybody is shown it."""
    attachments: tuple[Attachment, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """Each oddity met while reading, by its short name; never an excerpt of the message."""

    def people(self) -> tuple[tuple[str, Address], ...]:
        """Every address with the field it stands in: the six fields of P6."""
        fields = (
            ("from", self.from_),
            ("sender", self.sender),
            ("reply_to", self.reply_to),
            ("to", self.to),
            ("cc", self.cc),
            ("bcc", self.bcc),
        )
        return tuple((name, one) for name, addresses in fields for one in addresses)
