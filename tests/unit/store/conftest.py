"""A store in a temporary directory, with one account and two folders."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inboxd.clock import SystemClock
from inboxd.model.events import Event
from inboxd.model.ids import (
    AccountId,
    AddressKey,
    EventSeq,
    FolderName,
    OwnerId,
    Uid,
    UidValidity,
    WireName,
)
from inboxd.model.server import Endpoint, Fetched, ListedFolder, Security
from inboxd.store import accounts, events, folders
from inboxd.store.accounts import Login
from inboxd.store.database import Database, Unit, open_database
from inboxd.store.folders import Folder
from inboxd.store.messages import Content, Place
from inboxd.sync.intake import content_of

VALIDITY = UidValidity(7)


def letter(number: int, *, text: str = "Hello", refers_to: int | None = None) -> Content:
    """A small message whose Message-ID is its number."""
    reply = "" if refers_to is None else f"In-Reply-To: <{refers_to}@example.org>\r\n"
    raw = (
        f"From: Ann <ann{number}@example.org>\r\nTo: bob@example.org\r\n"
        f"Subject: Letter {number}\r\nMessage-ID: <{number}@example.org>\r\n{reply}\r\n{text}\r\n"
    ).encode()
    return content_of(Fetched(Uid(1), len(raw), datetime(2025, 1, 1, tzinfo=UTC), raw))


@dataclass
class Shelf:
    """The open store, and what is in it."""

    database: Database
    path: Path
    account: AccountId
    inbox: Folder
    archive: Folder
    commits: list[EventSeq] = field(default_factory=list)

    def place(self, folder: Folder, *, historical: bool = False) -> Place:
        return Place(self.account, folder.id, folder.name, VALIDITY, "private", historical)

    async def events(self, after: int = 0, *, historical: bool = True) -> tuple[Event, ...]:
        return await self.database.read(events.after, after, 1000, historical=historical)


def two_folders(unit: Unit) -> AccountId:
    account = accounts.add(
        unit,
        owner=OwnerId("ann"),
        address="ann@example.org",
        key=AddressKey("ann@example.org"),
        login=Login("ann", "password", b"sealed", None),
        imap=Endpoint("imap.example.org", 993, Security.TLS),
        smtp=None,
    )
    listing = [
        ListedFolder(WireName(name.encode()), FolderName(name), "/", None, selectable=True)
        for name in ("Archive", "INBOX")
    ]
    folders.record_listing(unit, account, listing)
    for one in folders.of_account(unit.connection, account):
        folders.open_span(unit, one.id, VALIDITY, Uid(1), None)
    return account


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    commits: list[EventSeq] = []

    def note(events: Sequence[Event]) -> None:
        commits.append(events[-1].seq)

    path = tmp_path / "inboxd.db"
    async with open_database(path, SystemClock(), note) as database:
        account = await database.write(two_folders)
        archive, inbox = await database.read(folders.of_account, account)
        yield Shelf(database, path, account, inbox, archive, commits)


def digest_of(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
