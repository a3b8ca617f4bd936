"""What the API needs of the rest of the house, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from inboxd.accounts.onboarding import NewAccount
from inboxd.model.conditions import Change, Conditions, Patch
from inboxd.model.events import Event
from inboxd.model.labels import Labels
from inboxd.model.messages import Action, Attachment
from inboxd.model.proof import Preview, Proof, Quarantined, Question, Why
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
    OwnerView,
    Page,
    SourceView,
)


class News(Protocol):
    """Tells when there are new events."""

    @property
    def last(self) -> int:
        """The number of the newest committed event; 0 before the first."""

    async def wait_beyond(self, seq: int, /) -> int:
        """Return as soon as an event with a number greater than `seq` is committed."""


class Owners(Protocol):
    """Personal settings (P21)."""

    async def everyone(self) -> tuple[OwnerView, ...]:
        """All owners."""

    async def settings(self, owner: str, /) -> OwnerView:
        """One owner's settings."""

    async def change(self, owner: str, wishes: Mapping[str, Any], caller: str, /) -> OwnerView:
        """Change some of them."""


class ContactSources(Protocol):
    """Where contacts come from by themselves (P24)."""

    async def everything(self) -> tuple[SourceView, ...]:
        """The sources that were set."""

    async def set_pipedrive(self, url: str, token: str, caller: str, /) -> ImportReport:
        """Pull from Pipedrive now and from time to time."""

    async def pull(self, name: str, /) -> ImportReport:
        """Pull now."""

    async def remove(self, name: str, /) -> None:
        """Pull no more."""


class Proofs(Protocol):
    """What can be proven of an account (P9, P17, P18)."""

    async def verify(self, ref: str, /) -> Proof:
        """Compare the ledger with the server."""

    async def why(self, ref: str, question: Question, /) -> tuple[Why, ...]:
        """Why a message is here or not."""

    async def preview(self, ref: str, patch: Patch, /) -> Preview:
        """What Sync would bring."""

    async def quarantine(self, ref: str | None, /) -> tuple[Quarantined, ...]:
        """All that is set aside."""

    async def quarantined(self, item: str, /) -> Quarantined:
        """One of them."""

    async def quarantined_raw(self, item: str, /) -> bytes:
        """Its bytes."""

    async def retry(self, item: str, caller: str, /) -> tuple[Quarantined | None, str]:
        """Try it once more; what is left of it, and what happened."""


class Desk(Protocol):
    """Everything that can be asked of the daemon; `ref` is an account's id or its address.

    Each method raises only errors of `inboxd.model.errors`.
    """

    @property
    def hub(self) -> News:
        """Where new events are waited for."""

    @property
    def proof(self) -> Proofs:
        """Verify, why, preview, quarantine."""

    @property
    def sources(self) -> ContactSources:
        """Where contacts come from."""

    @property
    def owners(self) -> Owners:
        """Personal settings."""

    async def status(self) -> DaemonStatus:
        """The daemon at a glance."""

    async def accounts(self, cursor: str | None, limit: int) -> Page[AccountView]:
        """Accounts, oldest first."""

    async def account(self, ref: str) -> AccountView:
        """One account."""

    async def add_account(self, new: NewAccount, caller: str) -> AccountView:
        """Try both logins for real, then store the account (P1)."""

    async def remove_account(self, ref: str, *, purge: bool, caller: str) -> None:
        """Stop an account; forget its mail only with `purge` (P19)."""

    async def pause(self, ref: str, caller: str) -> AccountView:
        """Stop syncing until `resume`."""

    async def resume(self, ref: str, caller: str) -> AccountView:
        """Go on syncing."""

    async def set_password(self, ref: str, secret: str, caller: str) -> AccountView:
        """Try a new password and keep it; all other state stays (P19)."""

    async def labels(self, ref: str) -> tuple[FolderView, ...]:
        """The labels of an account."""

    async def conditions(self, ref: str) -> Conditions:
        """What was chosen for an account."""

    async def change_conditions(self, ref: str, patch: Patch, caller: str) -> Change:
        """Change what is chosen; it takes effect at once (P12)."""

    async def journal(self, ref: str) -> tuple[JournalEntry, ...]:
        """The changes of an account's conditions."""

    async def undo(self, ref: str, caller: str) -> Change:
        """Take back the latest change (P12)."""

    async def sync(self, ref: str, caller: str) -> AccountView:
        """Press Sync (P2)."""

    async def resync(
        self, ref: str, *, since: str, labels: Labels | None, history: str | None, caller: str
    ) -> AccountView:
        """Go through history once more (P13)."""

    async def messages(self, query: MessageQuery) -> Page[MessageView]:
        """One page of stored messages, newest first."""

    async def message(self, message_id: int) -> MessageDetail:
        """One message with what is in it."""

    async def act(self, message_id: int, action: Action, caller: str, /) -> MessageView:
        """Delete or archive one message (P23)."""

    async def raw(self, message_id: int) -> bytes:
        """Its bytes as the server gave them."""

    async def attachment(self, message_id: int, index: int) -> tuple[Attachment, bytes]:
        """One attachment, decoded."""

    async def thread(self, thread_id: int) -> tuple[MessageView, ...]:
        """The messages of one conversation, oldest first."""

    async def add_contact(self, name: str, addresses: Sequence[str]) -> ContactView:
        """Add a person (P24)."""

    async def contacts(self, cursor: str | None, limit: int) -> Page[ContactView]:
        """One page of contacts."""

    async def remove_contact(self, contact_id: int, /) -> None:
        """Forget a person; the mail stays."""

    async def import_contacts(self, data: bytes, *, filename: str, partial: bool) -> ImportReport:
        """Read contacts from a file; with problems nothing comes in unless `partial`."""

    async def ledger(
        self, ref: str, *, folder: str | None, cursor: str | None, limit: int
    ) -> Page[LedgerEntry]:
        """One page of what became of each UID."""

    async def events(self, after: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
        """At most `limit` events after `after`, ascending; historical ones only if asked for."""
