"""What an account can be asked to prove: verify, why, preview, quarantine (P9, P17, P18)."""

from __future__ import annotations

from functools import partial

from inboxd.accounts.visits import Visits
from inboxd.log import get
from inboxd.model.addresses import normalise
from inboxd.model.conditions import Patch, Presets, change
from inboxd.model.errors import BadInput, NotFound, RuleRefused
from inboxd.model.ids import AccountId
from inboxd.model.proof import Preview, Proof, Quarantined, Question, Why
from inboxd.model.server import UidSet
from inboxd.store import accounts, folders, ledger, owners, quarantine, runs
from inboxd.store.accounts import Account
from inboxd.store.database import Unit
from inboxd.store.ledger import Reason
from inboxd.store.quarantine import Key
from inboxd.sync import preview as previews
from inboxd.sync import proof, why
from inboxd.sync.intake import take_in
from inboxd.sync.session import Ground, Session

log = get(__name__)


class ProofDesk:
    """Questions that need a look at the server; each has a connection of its own."""

    def __init__(self, ground: Ground, visits: Visits, presets: Presets) -> None:
        self._ground = ground
        self._database = ground.database
        self._visits = visits
        self._presets = presets

    async def verify(self, ref: str) -> Proof:
        """Compare the ledger with the server (P18). Raises what the connection raises."""
        account = await self._find(ref)
        if account.synced_at is None:
            raise RuleRefused("Nothing was synced yet, so there is nothing to verify: press Sync.")
        async with self._visits.session(account.id) as session:
            return await proof.verify(session)

    async def why(self, ref: str, question: Question) -> tuple[Why, ...]:
        """Why a message is here or not (P18); never empty."""
        _check(question)
        account = await self._find(ref)
        here = await self._database.read(why.from_store, account.id, question)
        async with self._visits.session(account.id) as session:
            there = await why.from_server(session, question)
        return why.merged(here, there)

    async def preview(self, ref: str, patch: Patch) -> Preview:
        """What Sync would bring, for the conditions with `patch` and for the alternatives (P9)."""
        account = await self._find(ref)
        stored = await self._database.read(folders.of_account, account.id)
        wished = change(
            account.conditions,
            patch,
            presets=self._presets,
            folders=[one for one in stored if one.listed],
            synced=False,
            history_open=False,
        ).conditions
        async with self._visits.session(account.id) as session:
            return await previews.preview(session, wished, self._presets)

    # --- quarantine ------------------------------------------------------------------------------

    async def quarantine(self, ref: str | None) -> tuple[Quarantined, ...]:
        """All that is set aside, of one account or of all (P17)."""
        account = None if ref is None else (await self._find(ref)).id
        return await self._database.read(quarantine.everything, account)

    async def quarantined(self, item: str) -> Quarantined:
        """One of them."""
        return await self._database.read(quarantine.one, quarantine.key_of(item))

    async def quarantined_raw(self, item: str) -> bytes:
        """Its bytes, where the server gave them."""
        return await self._database.read(quarantine.raw, quarantine.key_of(item))

    async def retry(self, item: str, caller: str) -> tuple[Quarantined | None, str]:
        """Fetch it once more and try to store it; gives what is left, and what happened."""
        key = quarantine.key_of(item)
        held = await self._database.read(quarantine.one, key)
        log.info("quarantine_retried", account=held.account, item=item, caller=caller)
        async with self._visits.session(AccountId(held.account)) as session:
            return await self._retry(session, key)

    async def _retry(self, session: Session, key: Key) -> tuple[Quarantined | None, str]:
        folder_id, uidvalidity, uid = key
        known = await self._database.read(folders.of_account, session.account)
        folder = next(one for one in known if one.id == folder_id)
        if not folder.listed:
            raise NotFound(f"{folder.name} is no longer on the server.")
        status = await session.imap.examine(folder.wire_name)
        if status.uidvalidity != uidvalidity:
            raise RuleRefused(
                f"{folder.name} was renumbered by the server: the UID is another now."
            )
        found = await session.fetch(await session.imap.fetch_metadata(UidSet.of([uid])))
        if not found:
            await self._database.write(partial(_still_withheld, key))
            return await self._database.read(quarantine.one, key), "The server does not give it."
        terms = await self._database.read(owners.terms, session.account)
        first = await self._database.read(runs.first, session.account)
        historical = first is not None and found[0].internal_date < first.pressed_at
        place = session.place(folder, terms, historical=historical, uidvalidity=uidvalidity)

        def nothing_else(_unit: Unit, _stored: object) -> None:
            return

        await take_in(self._database, place, found, nothing_else)
        entry = await self._database.read(ledger.entry, folder_id, uidvalidity, uid)
        if entry is not None and entry.message is not None:
            await self._database.write(lambda unit: quarantine.release(unit, key))
            return None, f"Stored as message {entry.message}."
        return await self._database.read(quarantine.one, key), "It still cannot be stored."

    async def _find(self, ref: str) -> Account:
        return await self._database.read(accounts.find, ref, normalise(ref))


def _still_withheld(key: Key, unit: Unit) -> None:
    folder, uidvalidity, uid = key
    ledger.quarantine(
        unit,
        folder,
        uidvalidity,
        uid,
        reason=Reason.NOT_GIVEN,
        error="the server lists it and does not hand it out",
        zstd=None,
    )


def _check(question: Question) -> None:
    by_uid = question.folder is not None and question.uid is not None
    asked = [question.message_id is not None, question.address is not None, by_uid]
    if sum(asked) != 1 or (question.folder is None) != (question.uid is None):
        raise BadInput("Ask by one of: a Message-ID, an address, or a folder with a UID.")
    if question.address is not None and normalise(question.address) is None:
        raise BadInput(f"{question.address!r} is no e-mail address.")
