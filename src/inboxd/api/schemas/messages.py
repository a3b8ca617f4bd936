"""Stored mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from inboxd.api.schemas.base import Answer, Moment, PageOf, Request
from inboxd.model import views
from inboxd.model.messages import Mark
from inboxd.model.reports import ReportKind


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
    match: str = Field(
        default="", description="Where a search found it: escaped HTML with `<mark>`."
    )


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


class Recipient(Answer):
    """What became of a message at one address."""

    address: str
    action: str = Field(examples=["failed", "delayed", "delivered", "displayed"])
    status: str = Field(examples=["5.1.1"], description="An RFC 3463 code, or empty.")
    permanent: bool


class Report(Answer):
    """What a machine tells of a message that was sent (P31)."""

    kind: ReportKind
    recipients: list[Recipient]
    original_message_id: str


class WholeMessage(Message):
    """One stored message with what is in it."""

    text: str
    reply_text: str = Field(description="Without quotes and signature.")
    marks: list[Mark] = Field(description="What kind of mail it is.")
    report: Report | None
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
            reply_text=detail.reply_text,
            marks=list(detail.marks),
            report=None if detail.report is None else Report.model_validate(detail.report),
            html=html,
            attachments=[Attachment.model_validate(one) for one in detail.attachments],
            problems=list(detail.problems),
        )


class ShowOptions(Request):
    """How a message is shown."""

    remote_images: bool = Field(
        default=False,
        description="Keep pictures of other hosts: loading them tells the sender of the reading.",
    )


class MessageFilter(Request):
    """Which messages; what is left out does not filter."""

    account: str | None = Field(default=None, description="An account's id or address.")
    label: str | None = None
    contact: str | None = Field(default=None, description="The address of anybody in the message.")
    query: str | None = Field(
        default=None,
        description='Words, "phrases", from: to: subject: label: has:attachment before: after: …',
        examples=["offer from:anna after:2025-01"],
    )
    since: Moment | None = None
    until: Moment | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = None
