"""The JSON of the API: what is sent in, and what comes back, field by field.

Answers are read straight off the views of `inboxd.model` (`from_attributes`), so a field is
spelled once. Times are ISO 8601 in UTC with a Z. Unknown fields of a request are refused: a
misspelled option must not look as if it had worked. Descriptions stand in `Field` and not in
docstrings, which pydantic would parse at every start for 55 ms.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from inboxd.api.given import MAX_ID
from inboxd.model import conditions as rules
from inboxd.model import views
from inboxd.model.conditions import History
from inboxd.model.phases import Phase
from inboxd.model.server import Security, SpecialUse
from inboxd.model.views import Watch

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


# --- accounts ------------------------------------------------------------------------------------


class Endpoint(Answer):
    """One server, one port, one way to protect the connection."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field(min_length=1, max_length=255, examples=["imap.example.org"])
    port: int = Field(ge=1, le=65535, examples=[993])
    security: Security = Field(
        default=Security.TLS, description="`none` is for this machine only."
    )


class AccountToAdd(Request):
    """An address and a login; servers are discovered where they are not given (P1)."""

    address: str = Field(min_length=3, max_length=320, examples=["anna@example.org"])
    owner: str | None = Field(
        default=None,
        min_length=1,
        max_length=320,
        examples=["anna"],
        description="Whose mail it is; the address where none is given.",
    )
    username: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Of the login, where it is not the address.",
    )
    password: Secret | None = None
    password_command: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        examples=["pass show mail/anna"],
        description="Run by the daemon when it needs the password, which is kept nowhere.",
    )
    imap: Endpoint | None = None
    smtp: Endpoint | None = None
    no_smtp: bool = Field(default=False, description="Receive only: no SMTP login is tried.")

    @model_validator(mode="after")
    def _one_of_each(self) -> AccountToAdd:
        if (self.password is None) == (self.password_command is None):
            raise ValueError("send either password or password_command")
        if self.smtp is not None and self.no_smtp:
            raise ValueError("send either smtp or no_smtp")
        return self


class Password(Request):
    """A new password for an account."""

    password: Secret


class Tracking(Answer):
    """Whether sent mail tells of opens and clicks unless a message says else."""

    opens: bool
    links: bool


class Conditions(Answer):
    """What was chosen for an account (P2)."""

    since: str | None = Field(
        examples=["3m"], description="The start date by its name; null until it is confirmed."
    )
    history: History | None = Field(description="Whose history comes in (P5); null with `now`.")
    labels: Labels = Field(examples=["all", ["INBOX", "Projects/*"]])
    tracking: Tracking


class ConditionsChanged(Conditions):
    """The conditions after a change, and what the change does (P12)."""

    changes: list[str] = Field(examples=[["label Sales added: from now on; nothing deleted."]])

    @classmethod
    def of(cls, change: rules.Change) -> ConditionsChanged:
        """Spell a change."""
        return cls(
            **Conditions.model_validate(change.conditions).model_dump(),
            changes=list(change.sentences),
        )


class TrackingPatch(Request):
    """The kinds of tracking to change."""

    opens: bool | None = None
    links: bool | None = None


class ConditionsPatch(Request):
    """The parts of the conditions to change; what is left out (or null) stays."""

    since: str | None = Field(default=None, examples=["now", "1m", "3m", "6m", "1y"])
    history: str | None = Field(default=None, examples=["everyone", "contacts"])
    labels: Labels | None = Field(default=None, examples=["all", ["INBOX", "Sales"]])
    tracking: TrackingPatch | None = None

    def as_patch(self) -> rules.Patch:
        """The same as the rules take it."""
        tracking = self.tracking or TrackingPatch()
        return rules.Patch(
            since=self.since,
            history=self.history,
            labels=labels_of(self.labels),
            track_opens=tracking.opens,
            track_links=tracking.links,
        )


def labels_of(labels: Labels | None) -> rules.Labels | None:
    """A choice of labels as the rules take it."""
    return tuple(labels) if isinstance(labels, list) else labels


class Resync(Request):
    """From when, and of which labels, history is gone through once more (P13)."""

    since: str = Field(examples=["6m"])
    labels: Labels | None = Field(
        default=None, description="All of the conditions where it is left out."
    )
    history: str | None = Field(
        default=None, description="Leave it out: a re-sync takes all mail of its labels (P7)."
    )


class JournalEntry(Answer):
    """One change of the conditions."""

    id: int
    at: datetime
    caller: str = Field(examples=["uid 1000"])
    before: Conditions
    after: Conditions
    sentences: list[str]


class Journal(PageOf[JournalEntry]):
    """The changes of an account's conditions."""


class Folder(Answer):
    """One label as a person sees it."""

    name: str = Field(examples=["INBOX"])
    separator: str = Field(examples=["/"])
    special_use: SpecialUse | None
    selectable: bool = Field(description="Whether it can hold messages.")
    chosen: bool = Field(description="Whether the conditions select it now.")
    watch: Watch | None = Field(
        description="How its new mail is noticed; null while it is not watched."
    )
    uidvalidity: int | None
    uidnext: int | None
    messages: int | None = Field(description="On the server, when it was last looked at.")
    stored: int = Field(description="Stored here.")


class Folders(PageOf[Folder]):
    """The labels of an account."""


class Trouble(Answer):
    """Why an account does not run as it should."""

    code: str = Field(examples=["login_rejected"])
    text: str
    at: datetime
    next_try_at: datetime | None


class Progress(Answer):
    """How far the history has come."""

    folder: str | None
    done: int = Field(description="Messages looked at, over all folders.")
    total: int
    stored: int
    bytes_stored: int
    started_at: datetime
    finished_at: datetime | None
    per_second: float | None
    seconds_left: float | None


class Account(Answer):
    """One account, whole."""

    id: int
    address: str = Field(examples=["anna@example.org"])
    owner: str
    phase: Phase
    conditions: Conditions
    imap: Endpoint
    smtp: Endpoint | None
    username: str
    created_at: datetime
    synced_at: datetime | None = Field(description="When Sync was pressed.")
    trouble: Trouble | None
    history: Progress | None
    server_word: str = Field(description="The last human words of the server.")
    folders: list[Folder]


class Accounts(PageOf[Account]):
    """All accounts."""


class Status(Answer):
    """The daemon at a glance."""

    version: str
    started_at: datetime
    last_event: int = Field(description="The number of the newest event.")
    accounts: list[Account]


# --- contacts ------------------------------------------------------------------------------------


class Contact(Answer):
    """A person with one or more addresses."""

    id: int
    name: str
    addresses: list[str]


class Contacts(PageOf[Contact]):
    """One page of contacts."""


class ContactToAdd(Request):
    """A person to add."""

    name: str = Field(max_length=1000, examples=["Carla Customer"])
    addresses: list[Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        min_length=1, examples=[["carla@customer.example"]]
    )


class ImportReport(Answer):
    """What an import did."""

    added: int
    known: int = Field(description="Were there already.")
    problems: list[str] = Field(description="Each unusable line as `line N: sentence`.")


# --- messages ------------------------------------------------------------------------------------


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


# --- ledger and events ---------------------------------------------------------------------------


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


class ListFilter(Request):
    """Which part of a list."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = None


class ImportOptions(Request):
    """How a file of contacts is read."""

    filename: str = Field(default="contacts.csv", max_length=1000)
    partial: bool = Field(
        default=False, description="Take the good lines even where others cannot be used."
    )


class RemoveOptions(Request):
    """What becomes of a removed account's mail."""

    purge: bool = Field(default=False, description="Forget it; else it is kept (P19).")


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
