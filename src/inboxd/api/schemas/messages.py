"""Stored mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from inboxd.api.schemas.base import Answer, Moment, PageOf, Request
from inboxd.model import views


class Address(Answer):
    """One mailbox of a header field."""

    name: str
    address: str


class Placement(Answer):
    """Where a message lies on the server."""

    folder: str
    uidvalidity: int
    uid: int


class Message(Answer):
    """One stored message as lists show it."""

    id: int
    account: int
    owner: str
    subject: str
    from_: list[Address] = Field(serialization_alias="from")
    to: list[Address]
    cc: list[Address]
    date: datetime | None = Field(
        description="The Date field; null where it is absent or cannot be read."
    )
    internal_date: datetime = Field(description="When the server got the message.")
    message_id: str
    thread_id: int
    sha256: str = Field(description="Of the whole message as the server gives it (BODY[]).")
    size: int = Field(description="In bytes.")
    placements: list[Placement]
    labels: list[str]
    contacts: list[int]
    visibility: str
    historical: bool
    archived: bool = Field(description="Somebody archived it here.")
    deleted: bool = Field(description="Somebody deleted it here; lists leave it out.")
    snippet: str


class Messages(PageOf[Message]):
    """One page of messages, newest first."""


class Thread(PageOf[Message]):
    """The messages of one conversation, oldest first."""


class Attachment(Answer):
    """One part that is not the text people read."""

    index: int
    filename: str
    content_type: str
    size: int = Field(description="In bytes, decoded.")
    inline: bool


class WholeMessage(Message):
    """One stored message with what is in it."""

    text: str
    html: str = Field(description="Sanitised: no scripts, nothing loaded from elsewhere.")
    attachments: list[Attachment]
    problems: list[str] = Field(description="Each oddity met while reading it, by its short name.")

    @classmethod
    def of(cls, detail: views.MessageDetail, html: str) -> WholeMessage:
        """Spell a message, its HTML already sanitised."""
        whole: dict[str, Any] = Message.model_validate(detail.summary).model_dump()
        return cls(
            **whole,
            text=detail.text,
            html=html,
            attachments=[Attachment.model_validate(one) for one in detail.attachments],
            problems=list(detail.problems),
        )


class MessageFilter(Request):
    """Which messages; what is left out does not filter."""

    account: str | None = Field(default=None, description="An account's id or address.")
    label: str | None = None
    contact: str | None = Field(default=None, description="The address of anybody in the message.")
    query: str | None = Field(default=None, description="Words of the full text; all must occur.")
    since: Moment | None = None
    until: Moment | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = None
