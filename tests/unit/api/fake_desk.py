"""A desk that keeps everything in memory and refuses by the real rules' errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from inboxd.accounts.onboarding import NewAccount
from inboxd.events.hub import Hub
from inboxd.model.conditions import (
    DEFAULT_PRESETS,
    Change,
    Conditions,
    Patch,
    change,
    checked_resync,
)
from inboxd.model.errors import AccountNotReached, BadInput, LoginRejected, NotFound, RuleRefused
from inboxd.model.events import Event, EventType
from inboxd.model.ids import (
    AccountId,
    ContactId,
    EventSeq,
    FolderName,
    MessageId,
    OwnerId,
    ThreadId,
    Uid,
    UidValidity,
)
from inboxd.model.labels import Labels
from inboxd.model.messages import Action, Address, Attachment
from inboxd.model.phases import Phase
from inboxd.model.server import Endpoint, Security, SpecialUse
from inboxd.model.views import (
    AccountView,
    ContactView,
    DaemonStatus,
    FolderView,
    ImportReport,
    JournalEntry,
    LedgerEntry,
    MessageDetail,
    MessageQuery,
    MessageView,
    Page,
    PlacementView,
    Progress,
    Trouble,
    Watch,
)
from unit.api.fake_owners import FakeOwners
from unit.api.fake_proof import FakeProof
from unit.api.fake_sources import FakeSources

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
WRONG_PASSWORD = "wrong"
HTML = '<p onclick="x()">Hello</p><script>alert(1)</script>'
RAW = b"Subject: Hello\r\n\r\nHello \x1b[2J\xff\r\n"


def folder(name: str, use: SpecialUse | None = None, **fields: object) -> FolderView:
    """A label with plain facts."""
    plain = FolderView(
        name=FolderName(name),
        separator="/",
        special_use=use,
        selectable=True,
        labelled=False,
        chosen=True,
        watch=Watch.IDLE if name == "INBOX" else Watch.POLL,
        uidvalidity=UidValidity(7),
        uidnext=Uid(43),
        messages=42,
        stored=40,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # names are checked by replace


def message(number: int, **fields: object) -> MessageView:
    """A stored message with plain facts."""
    plain = MessageView(
        id=MessageId(number),
        account=AccountId(1),
        owner=OwnerId("anna"),
        subject=f"Offer {number}",
        from_=(Address("Carla Customer", "carla@customer.example"),),
        to=(Address("", "anna@example.org"),),
        cc=(),
        date=NOON,
        internal_date=NOON,
        message_id=f"m{number}@customer.example",
        thread_id=ThreadId(1),
        sha256="0" * 64,
        size=1400,
        placements=(PlacementView(FolderName("INBOX"), UidValidity(7), Uid(number)),),
        labels=(FolderName("INBOX"),),
        contacts=(ContactId(1),),
        visibility="private",
        historical=False,
        archived=False,
        deleted=False,
        snippet="Hello",
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # names are checked by replace


class FakeDesk:
    """Remembers what was asked of it, by whom, and answers plausibly."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.owners = FakeOwners()
        self.proof = FakeProof()
        self.sources = FakeSources()
        self.calls: list[tuple[str, ...]] = []
        self.added: list[NewAccount] = []
        self.queries: list[MessageQuery] = []
        self.imported: list[tuple[bytes, str, bool]] = []
        self.trouble: Exception | None = None
        """Raised by the next reading of the status."""
        self.stored: list[MessageView] = [message(1)]
        self.detail = MessageDetail(
            summary=self.stored[0],
            text="Hello\n",
            reply_text="Hello",
            html=HTML,
            attachments=(Attachment(0, "offer.pdf", "application/pdf", 3, inline=False),),
            problems=(),
        )
        self.file: tuple[Attachment, bytes] = (self.detail.attachments[0], b"PDF")
        self.people: dict[int, ContactView] = {}
        self._events: list[Event] = []
        self._accounts: dict[int, AccountView] = {}
        self._journal: list[JournalEntry] = []

    # --- what tests do ---

    def have_account(self, **fields: object) -> AccountView:
        """Put an account there, as if it had been added."""
        number = len(self._accounts) + 1
        view = AccountView(
            id=AccountId(number),
            address="anna@example.org" if number == 1 else f"anna{number}@example.org",
            owner=OwnerId("anna"),
            phase=Phase.NEW,
            conditions=Conditions(),
            imap=Endpoint("imap.example.org", 993, Security.TLS),
            smtp=Endpoint("smtp.example.org", 465, Security.TLS),
            username="anna",
            created_at=NOON,
            synced_at=None,
            trouble=None,
            history=None,
            server_word="",
            folders=(folder("INBOX", SpecialUse.INBOX), folder("Sales"), folder("Trash")),
        )
        self._accounts[number] = replace(view, **fields)  # type: ignore[arg-type]  # by replace
        return self._accounts[number]

    def happen(
        self,
        count: int = 1,
        *,
        kind: EventType = EventType.MESSAGE_STORED,
        historical: bool = False,
    ) -> None:
        """Commit events and wake those who wait."""
        before = len(self._events)
        for _ in range(count):
            seq = EventSeq(len(self._events) + 1)
            data = {"message": int(seq), "subject": "Über\nuns \u2028"}
            self._events.append(Event(seq, kind, NOON, AccountId(1), data, historical))
        self.hub.publish(self._events[before:])

    def turn(
        self, phase: Phase, *, trouble: Trouble | None = None, done: int | None = None
    ) -> None:
        """Let account 1 stand elsewhere; with `done`, so far in a history of 100."""
        history = None
        if done is not None:
            history = Progress(
                folder=FolderName("INBOX"),
                done=done,
                total=100,
                stored=done,
                bytes_stored=done * 1000,
                started_at=NOON,
                finished_at=NOON if done == 100 else None,
                per_second=10.0,
                seconds_left=(100 - done) / 10,
            )
        self._accounts[1] = replace(
            self._accounts[1], phase=phase, trouble=trouble, history=history
        )

    def confirm(self, number: int) -> None:
        """Let the conditions of an account be confirmed."""
        self._set(self._accounts[number], conditions=Conditions("now"))

    # --- what the API does ---

    async def status(self) -> DaemonStatus:
        if self.trouble is not None:
            raise self.trouble
        return DaemonStatus("0.1.0", NOON, tuple(self._accounts.values()), self.hub.last)

    async def accounts(self, cursor: str | None, limit: int) -> Page[AccountView]:
        if cursor is not None and not cursor.isdecimal():
            raise BadInput("That is no cursor.")
        start = int((cursor or "0")[:9])
        found = tuple(self._accounts.values())
        following = start + limit
        return Page(found[start:following], str(following) if following < len(found) else None)

    async def account(self, ref: str) -> AccountView:
        for view in self._accounts.values():
            if ref in (str(view.id), view.address):
                return view
        raise NotFound(f"There is no account {ref!r}: inboxctl account list shows them.")

    async def add_account(self, new: NewAccount, caller: str) -> AccountView:
        self.calls.append(("add_account", caller))
        self.added.append(new)
        if new.secret == WRONG_PASSWORD:
            cause = LoginRejected("no")
            raise AccountNotReached(
                "imap.example.org:993 refused the login.", side="imap", cause=cause
            )
        if any(view.address == new.address for view in self._accounts.values()):
            raise RuleRefused(f"{new.address} is an account already.")
        return self.have_account(address=new.address, owner=OwnerId(new.owner or new.address))

    async def remove_account(self, ref: str, *, purge: bool, caller: str) -> None:
        self.calls.append(("remove_account", ref, str(purge), caller))
        del self._accounts[(await self.account(ref)).id]

    async def pause(self, ref: str, caller: str) -> AccountView:
        self.calls.append(("pause", caller))
        return self._set(await self.account(ref), phase=Phase.PAUSED)

    async def resume(self, ref: str, caller: str) -> AccountView:
        self.calls.append(("resume", caller))
        return self._set(await self.account(ref), phase=Phase.LIVE)

    async def set_password(self, ref: str, secret: str, caller: str) -> AccountView:
        self.calls.append(("set_password", secret, caller))
        return await self.account(ref)

    def _set(self, view: AccountView, **fields: object) -> AccountView:
        self._accounts[view.id] = replace(view, **fields)  # type: ignore[arg-type]  # by replace
        return self._accounts[view.id]

    async def labels(self, ref: str) -> tuple[FolderView, ...]:
        return (await self.account(ref)).folders

    async def conditions(self, ref: str) -> Conditions:
        return (await self.account(ref)).conditions

    async def change_conditions(self, ref: str, patch: Patch, caller: str) -> Change:
        view = await self.account(ref)
        changed = change(
            view.conditions,
            patch,
            presets=DEFAULT_PRESETS,
            folders=view.folders,
            synced=view.synced_at is not None,
            history_open=False,
        )
        self._journal.append(
            JournalEntry(
                len(self._journal) + 1,
                NOON,
                caller,
                view.conditions,
                changed.conditions,
                changed.sentences,
            )
        )
        self._set(view, conditions=changed.conditions)
        return changed

    async def journal(self, ref: str) -> tuple[JournalEntry, ...]:
        await self.account(ref)
        return tuple(self._journal)

    async def undo(self, ref: str, caller: str) -> Change:
        self.calls.append(("undo", caller))
        view = await self.account(ref)
        if not self._journal:
            raise RuleRefused("There is no change to undo.")
        before = self._journal.pop().before
        self._set(view, conditions=before)
        return Change(before, ("as it was.",))

    async def sync(self, ref: str, caller: str) -> AccountView:
        self.calls.append(("sync", caller))
        view = await self.account(ref)
        if not view.conditions.confirmed:
            raise RuleRefused("The conditions are not confirmed: send since first.")
        phase = Phase.LIVE if view.phase is Phase.LIVE else Phase.BACKFILLING
        return self._set(view, synced_at=NOON, phase=phase)

    async def resync(
        self, ref: str, *, since: str, labels: Labels | None, history: str | None, caller: str
    ) -> AccountView:
        self.calls.append(("resync", since, str(labels), caller))
        view = await self.account(ref)
        checked_resync(
            view.conditions,
            since=since,
            labels=labels,
            history=history,
            presets=DEFAULT_PRESETS,
            folders=view.folders,
            synced=view.synced_at is not None,
        )
        return view

    async def messages(self, query: MessageQuery) -> Page[MessageView]:
        self.queries.append(query)
        if query.account is not None:
            await self.account(query.account)
        if query.cursor is not None and not query.cursor.isdecimal():
            raise BadInput("That is no cursor.")
        start = int((query.cursor or "0")[:9])
        following = start + query.limit
        return Page(
            tuple(self.stored[start:following]),
            str(following) if following < len(self.stored) else None,
        )

    async def message(self, message_id: int) -> MessageDetail:
        self._known(message_id)
        return self.detail

    async def act(self, message_id: int, action: Action, caller: str) -> MessageView:
        self.calls.append(("act", str(message_id), action, caller))
        found = (await self.message(message_id)).summary
        return replace(found, deleted=action is Action.DELETE, archived=action is Action.ARCHIVE)

    async def raw(self, message_id: int) -> bytes:
        self._known(message_id)
        return RAW

    async def attachment(self, message_id: int, index: int) -> tuple[Attachment, bytes]:
        self._known(message_id)
        if index != self.file[0].index:
            raise NotFound("There is no such attachment.")
        return self.file

    async def thread(self, thread_id: int) -> tuple[MessageView, ...]:
        self._known(thread_id)
        return tuple(self.stored)

    def _known(self, number: int) -> None:
        if number not in {one.id for one in self.stored}:
            raise NotFound(f"There is no message {number}.")

    async def add_contact(self, name: str, addresses: Sequence[str]) -> ContactView:
        unusable = tuple(one for one in addresses if "@" not in one)
        if unusable:
            raise BadInput("Not an address.", unusable)
        number = len(self.people) + 1
        self.people[number] = ContactView(ContactId(number), name, tuple(addresses))
        return self.people[number]

    async def contacts(self, cursor: str | None, limit: int) -> Page[ContactView]:
        if cursor is not None and not cursor.isdecimal():
            raise BadInput("That is no cursor.")
        start = int((cursor or "0")[:9])
        found = tuple(self.people.values())
        following = start + limit
        return Page(found[start:following], str(following) if following < len(found) else None)

    async def remove_contact(self, contact_id: int) -> None:
        if self.people.pop(contact_id, None) is None:
            raise NotFound(f"There is no contact {contact_id}.")

    async def import_contacts(self, data: bytes, *, filename: str, partial: bool) -> ImportReport:
        self.imported.append((data, filename, partial))
        problems = tuple(
            f"line {number}: no address"
            for number, line in enumerate(data.split(b"\n"), 1)
            if line and b"@" not in line
        )
        if problems and not partial:
            raise BadInput("The file has lines that cannot be used.", problems)
        return ImportReport(data.count(b"@"), 0, problems)

    async def ledger(
        self, ref: str, *, folder: str | None, cursor: str | None, limit: int
    ) -> Page[LedgerEntry]:
        await self.account(ref)
        self.calls.append(("ledger", str(folder), str(cursor), str(limit)))
        inbox = FolderName("INBOX")
        return Page(
            (
                LedgerEntry(inbox, UidValidity(7), Uid(2), "stored", ""),
                LedgerEntry(inbox, UidValidity(7), Uid(1), "skipped", "no contact"),
            ),
            None,
        )

    async def events(self, after: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
        self.calls.append(("events", str(after), str(limit)))
        wanted = (one for one in self._events[after:] if historical or not one.historical)
        return tuple(one for one, _ in zip(wanted, range(limit), strict=False))
