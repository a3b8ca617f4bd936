"""What the faces show: frozen values that the store and the accounts fill and the API spells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from inboxd.model.conditions import Conditions
from inboxd.model.ids import (
    AccountId,
    ContactId,
    FolderName,
    MessageId,
    OwnerId,
    ThreadId,
    Uid,
    UidValidity,
)
from inboxd.model.messages import Address, Attachment, Mark
from inboxd.model.phases import Phase
from inboxd.model.reports import Report
from inboxd.model.search import Search
from inboxd.model.server import Endpoint, SpecialUse
from inboxd.model.settings import Settings

T = TypeVar("T")


class Watch(StrEnum):
    """How a folder's new mail is noticed (P11)."""

    IDLE = "idle"
    NOTIFY = "notify"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class FolderView:
    """One label as a person sees it."""

    name: FolderName
    separator: str
    special_use: SpecialUse | None
    selectable: bool
    labelled: bool
    """It holds all mail, and each message carries its labels (Gmail)."""
    chosen: bool
    """Selected by the account's conditions now."""
    watch: Watch | None
    """How it is watched now; None while it is not."""
    uidvalidity: UidValidity | None
    uidnext: Uid | None
    messages: int | None
    """On the server when it was last looked at."""
    stored: int
    """Placements stored here."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an account does not run as it should."""

    code: str
    text: str
    at: datetime
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the history has come."""

    folder: FolderName | None
    done: int
    total: int
    """Messages looked at and to be looked at, over all folders."""
    stored: int
    bytes_stored: int
    started_at: datetime
    finished_at: datetime | None
    per_second: float | None
    """Messages a second since the run began; None before the first batch."""
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """One account, whole."""

    id: AccountId
    address: str
    owner: OwnerId
    phase: Phase
    conditions: Conditions
    imap: Endpoint
    smtp: Endpoint | None
    username: str
    created_at: datetime
    synced_at: datetime | None
    trouble: Trouble | None
    history: Progress | None
    server_word: str
    """The last human words of the server."""
    folders: tuple[FolderView, ...]


@dataclass(frozen=True, slots=True)
class PlacementView:
    """Where a stored message lies."""

    folder: FolderName
    uidvalidity: UidValidity
    uid: Uid


@dataclass(frozen=True, slots=True)
class MessageView:
    """One stored message as lists show it."""

    id: MessageId
    account: AccountId
    owner: OwnerId
    subject: str
    from_: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    date: datetime | None
    internal_date: datetime
    message_id: str
    thread_id: ThreadId
    sha256: str
    size: int
    placements: tuple[PlacementView, ...]
    labels: tuple[FolderName, ...]
    contacts: tuple[ContactId, ...]
    visibility: str
    historical: bool
    archived: bool
    deleted: bool
    snippet: str
    match: str = ""
    """Where a search found it: HTML-escaped, the words found in `<mark>`."""


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """One stored message with what is in it."""

    summary: MessageView
    text: str
    reply_text: str
    """What its author wrote, without quotes and signature."""
    html: str
    """As sent; the faces sanitise it before anybody is shown it."""
    attachments: tuple[Attachment, ...]
    problems: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    report: Report | None = None
    """What it reports of another message (P31)."""


@dataclass(frozen=True, slots=True)
class ContactView:
    """A person in the CRM."""

    id: ContactId
    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnerView:
    """A person with their settings."""

    owner: OwnerId
    settings: Settings
    accounts: tuple[str, ...]
    """The addresses of their accounts."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change of an account's conditions (P12)."""

    id: int
    at: datetime
    caller: str
    """Who asked, as the socket's peer credentials tell: `uid 1000`."""
    before: Conditions
    after: Conditions
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next` is the cursor of the following one."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """The filters of `messages`; None leaves a filter out. Newest first."""

    account: str | None = None
    label: str | None = None
    contact: str | None = None
    """An address of anybody in the message."""
    search: Search | None = None
    """The query, understood."""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of one UID in scope."""

    folder: FolderName
    uidvalidity: UidValidity
    uid: Uid
    outcome: str
    """`stored`, `skipped` or `quarantined`."""
    reason: str
    """Why it is not stored, as a short word; empty where it is. Never a part of the message."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import of contacts did."""

    added: int
    known: int
    problems: tuple[str, ...]
    """Each unusable line as `line N: sentence`."""


@dataclass(frozen=True, slots=True)
class SourceView:
    """Where contacts are pulled from (P24)."""

    name: str
    url: str
    set_at: datetime
    pulled_at: datetime | None
    trouble: str
    """Why the last pull failed; empty where it did not."""


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The daemon at a glance."""

    version: str
    started_at: datetime
    accounts: tuple[AccountView, ...]
    last_event: int
