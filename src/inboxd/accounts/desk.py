"""The desk where wishes arrive: every request of the API is one method here.

A method checks the rules, writes what a person chose in one durable transaction with its event
and its line in the journal, and rings the account's bell. It never touches an account's phase or
connection: those are the account task's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio.to_thread

from inboxd import __version__
from inboxd.accounts.choices import Choices, ResyncWish
from inboxd.accounts.onboarding import NewAccount, Onboarding
from inboxd.accounts.owners import OwnersDesk
from inboxd.accounts.proof import ProofDesk
from inboxd.accounts.sources import Sources
from inboxd.accounts.supervisor import Supervisor
from inboxd.accounts.viewing import Viewing
from inboxd.events.hub import Hub
from inboxd.log import get
from inboxd.mime.marks import marks_of
from inboxd.mime.parse import attachment_bytes, parse
from inboxd.mime.reply import reply_text
from inboxd.mime.reports import report_of
from inboxd.model.addresses import normalise
from inboxd.model.conditions import Change, Conditions, Patch, Presets
from inboxd.model.errors import BadInput
from inboxd.model.events import Event, EventType
from inboxd.model.ids import AddressKey, ContactId, MessageId, ThreadId
from inboxd.model.labels import Labels
from inboxd.model.messages import Action, Attachment
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
)
from inboxd.secrets import SecretBox
from inboxd.store import accounts, contacts, events, mirror, owners, reading, retention
from inboxd.store.accounts import Account, Login
from inboxd.store.database import Unit
from inboxd.sync.session import Ground

log = get(__name__)

Chosen = TypeVar("Chosen")


class Desk:
    """What people and programs may ask for."""

    def __init__(
        self, ground: Ground, supervisor: Supervisor, hub: Hub, box: SecretBox, presets: Presets
    ) -> None:
        self.hub = hub
        self._ground = ground
        self._database = ground.database
        self._supervisor = supervisor
        self._box = box
        self._choices = Choices(presets)
        self._onboarding = Onboarding(ground, box, supervisor.pacer)
        self._viewing = Viewing(ground, supervisor)
        self._started_at = ground.clock.now()
        self.proof = ProofDesk(ground, supervisor.visits, presets)
        self.sources = Sources(ground, box)
        self.owners = OwnersDesk(ground.database, supervisor)

    # --- accounts --------------------------------------------------------------------------------

    async def status(self) -> DaemonStatus:
        """The daemon at a glance."""
        return DaemonStatus(
            version=__version__,
            started_at=self._started_at,
            accounts=await self._viewing.accounts(),
            last_event=self.hub.last,
        )

    async def accounts(self, cursor: str | None, limit: int) -> Page[AccountView]:
        """Accounts by id, `limit` at a time."""
        return await self._viewing.page(_last_id(cursor), limit)

    async def account(self, ref: str) -> AccountView:
        """One account by id or address."""
        return await self._viewing.account(await self._find(ref))

    async def add_account(self, new: NewAccount, caller: str) -> AccountView:
        """Add an account after trying both of its logins (P1)."""
        account = await self._onboarding.add(new, caller)
        self._supervisor.start(account)
        return await self.account(str(account))

    async def remove_account(self, ref: str, *, purge: bool, caller: str) -> None:
        """Stop an account; stored mail is kept, or deleted with `purge` (P19)."""
        account = await self._find(ref)
        await self._supervisor.stop(account.id)

        def work(unit: Unit) -> None:
            unit.emit(
                EventType.ACCOUNT_REMOVED,
                account.id,
                # What is purged is named nowhere any more.
                {"purged": purge, "caller": caller}
                | ({} if purge else {"address": account.address}),
            )
            if purge:
                retention.purge_account(unit, account.id)
            else:
                accounts.retire(unit, account.id)

        await self._database.write(work, durable=True)
        if purge:
            await self._database.shrink()

    async def pause(self, ref: str, caller: str) -> AccountView:
        """Stop syncing until `resume`; nothing is lost."""
        return await self._set_paused(ref, caller, paused=True)

    async def resume(self, ref: str, caller: str) -> AccountView:
        """Go on syncing; an account that waits for a login tries it again."""
        view = await self._set_paused(ref, caller, paused=False)
        self._supervisor.try_again(view.id)
        return view

    async def _set_paused(self, ref: str, caller: str, *, paused: bool) -> AccountView:
        account = await self._find(ref)
        log.info("pause_wished", account=account.id, paused=paused, caller=caller)
        await self._database.write(
            lambda unit: accounts.change(unit, account.id, paused=int(paused)), durable=True
        )
        self._supervisor.ring(account.id)
        return await self.account(str(account.id))

    async def set_password(self, ref: str, secret: str, caller: str) -> AccountView:
        """Replace the password after trying it; all state stays (P19)."""
        account = await self._find(ref)
        login = Login(
            account.login.username, account.login.mechanism, self._box.seal(secret), None
        )
        await self._onboarding.try_logins(login, account.imap, account.smtp)
        log.info("password_changed", account=account.id, caller=caller)
        await self._database.write(
            lambda unit: accounts.set_login(unit, account.id, login, account.imap, account.smtp),
            durable=True,
        )
        self._supervisor.ring(account.id)
        return await self.account(str(account.id))

    async def labels(self, ref: str) -> tuple[FolderView, ...]:
        """The labels of an account as last listed on its server."""
        return (await self.account(ref)).folders

    async def ledger(
        self, ref: str, *, folder: str | None, cursor: str | None, limit: int
    ) -> Page[LedgerEntry]:
        """The outcome of every UID in scope."""
        account = await self._find(ref)
        return await self._database.read(
            reading.ledger_page, account.id, folder=folder, cursor=cursor, limit=limit
        )

    async def _find(self, ref: str) -> Account:
        return await self._database.read(accounts.find, ref, normalise(ref))

    # --- conditions and sync -----------------------------------------------------------------

    async def conditions(self, ref: str) -> Conditions:
        """What is chosen for an account."""
        return (await self._find(ref)).conditions

    async def change_conditions(self, ref: str, patch: Patch, caller: str) -> Change:
        """Change what is chosen; the answer says what that does (P12)."""
        return await self._choose(
            ref, lambda unit, account: self._choices.change(unit, account, patch, caller)
        )

    async def undo(self, ref: str, caller: str) -> Change:
        """Take back the last change that was not taken back yet (P12)."""
        return await self._choose(
            ref, lambda unit, account: self._choices.undo(unit, account, caller)
        )

    async def journal(self, ref: str) -> tuple[JournalEntry, ...]:
        """Every change of an account's conditions, newest first (P12)."""
        account = await self._find(ref)
        return await self._database.read(accounts.journal_of, account.id)

    async def sync(self, ref: str, caller: str) -> AccountView:
        """Press Sync (P2)."""
        found = await self._find(ref)
        await self._choose(
            ref, lambda unit, account: self._choices.press_sync(unit, account, caller)
        )
        return await self.account(str(found.id))

    async def resync(
        self, ref: str, *, since: str, labels: Labels | None, history: str | None, caller: str
    ) -> AccountView:
        """Go through the history once more, from another start date (P13)."""
        found = await self._find(ref)
        wish = ResyncWish(since, labels, history)
        await self._choose(
            ref, lambda unit, account: self._choices.resync(unit, account, wish, caller)
        )
        return await self.account(str(found.id))

    async def _choose(self, ref: str, choice: Callable[[Unit, Account], Chosen]) -> Chosen:
        """Run a choice in one durable transaction on the account as it is then, and ring."""
        found = await self._find(ref)

        def work(unit: Unit) -> Chosen:
            return choice(unit, accounts.get(unit.connection, found.id))

        chosen = await self._database.write(work, durable=True)
        self._supervisor.ring(found.id)
        return chosen

    # --- messages --------------------------------------------------------------------------------

    async def messages(self, query: MessageQuery) -> Page[MessageView]:
        """Stored messages that match, newest first (P32)."""
        account = None if query.account is None else (await self._find(query.account)).id
        contact = None if query.contact is None else _checked_address(query.contact)
        return await self._database.read(reading.page, query, account=account, contact=contact)

    async def message(self, message_id: int) -> MessageDetail:
        """One message with what is in it."""
        message = MessageId(message_id)
        summary = await self._database.read(reading.one, message)
        raw = await self._database.read(reading.raw, message)
        return await anyio.to_thread.run_sync(_detail, summary, raw)

    async def raw(self, message_id: int) -> bytes:
        """The bytes as the server gave them."""
        return await self._database.read(reading.raw, MessageId(message_id))

    async def attachment(self, message_id: int, index: int) -> tuple[Attachment, bytes]:
        """One attachment and its decoded bytes."""
        raw = await self.raw(message_id)
        return await anyio.to_thread.run_sync(attachment_bytes, raw, index)

    async def thread(self, thread_id: int) -> tuple[MessageView, ...]:
        """The messages of a thread, oldest first."""
        return await self._database.read(reading.thread, ThreadId(thread_id))

    async def act(self, message_id: int, action: Action, caller: str) -> MessageView:
        """Delete or archive a message here, and on the server where its owner wants that (P23).

        Doing it twice does it once. Raises NotFound.
        """
        message = MessageId(message_id)
        found = await self._database.read(reading.one, message)

        def work(unit: Unit) -> bool:
            chosen = owners.settings(unit.connection, found.owner)
            delete = action is Action.DELETE
            on = chosen.mirror_delete if delete else chosen.mirror_archive
            return mirror.apply(unit, found.account, message, action, on=on)

        if await self._database.write(work, durable=True):
            log.info("message_acted_on", account=found.account, action=action, caller=caller)
            self._supervisor.ring(found.account)
        return await self._database.read(reading.one, message)

    # --- contacts --------------------------------------------------------------------------------

    async def add_contact(self, name: str, addresses: Sequence[str]) -> ContactView:
        """Add a contact, or addresses to the contact that has one of them (P24)."""
        if not addresses:
            raise BadInput("A contact needs at least one address.")
        pairs = [(_checked_address(address), address) for address in addresses]
        contact, _ = await self._database.write(
            lambda unit: contacts.add(unit, name, pairs), durable=True
        )
        return (await self._database.read(contacts.page, contact - 1, 1)).items[0]

    async def contacts(self, cursor: str | None, limit: int) -> Page[ContactView]:
        """Contacts by id."""
        return await self._database.read(contacts.page, _last_id(cursor), limit)

    async def remove_contact(self, contact_id: int) -> None:
        """Remove a contact; stored mail stays."""
        await self._database.write(
            lambda unit: contacts.remove(unit, ContactId(contact_id)), durable=True
        )

    async def import_contacts(self, data: bytes, *, filename: str, partial: bool) -> ImportReport:
        """Import a CSV or vCard file: all of it, or with `partial` its good lines (P24)."""
        return await self.sources.import_file(data, filename=filename, partial=partial)

    # --- events ----------------------------------------------------------------------------------

    async def events(self, after: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
        """Committed events with a greater number, ascending (P33)."""
        kept = self.hub.after(after)
        if kept is None:
            return await self._database.read(events.after, after, limit, historical=historical)
        return tuple(one for one in kept if historical or not one.historical)[:limit]


def _checked_address(address: str) -> AddressKey:
    key = normalise(address)
    if key is None:
        raise BadInput(f"{address!r} is no e-mail address: send one like name@example.com.")
    return key


def _detail(summary: MessageView, raw: bytes) -> MessageDetail:
    parsed = parse(raw)
    return MessageDetail(
        summary=summary,
        text=parsed.text,
        reply_text=reply_text(parsed.text),
        html=parsed.html,
        attachments=parsed.attachments,
        problems=parsed.problems,
        marks=marks_of(raw),
        report=report_of(raw),
    )


def _last_id(cursor: str | None) -> int:
    """The id that a cursor of a list by id holds. Raises BadInput for one that is not ours."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise BadInput("That is not a cursor of this list: leave it out to start anew.")
    return int(cursor)
