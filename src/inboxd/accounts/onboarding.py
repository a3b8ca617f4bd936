"""An address and a login become an account: discover, try both logins for real, store (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inboxd.accounts.credentials import credentials_of
from inboxd.accounts.pacing import LoginPacer
from inboxd.imap import client
from inboxd.model.addresses import normalise
from inboxd.model.errors import AccountNotReached, BadInput, InboxdError, RuleRefused
from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, AddressKey, OwnerId
from inboxd.model.server import Credentials, Endpoint, ListedFolder
from inboxd.secrets import SecretBox
from inboxd.smtp.client import check_login
from inboxd.store import accounts, folders
from inboxd.store.accounts import Login
from inboxd.store.database import Unit
from inboxd.sync.session import Ground


@dataclass(frozen=True, slots=True, repr=False)
class NewAccount:
    """A wish for an account. Its representation never shows the secret."""

    address: str
    owner: str | None = None
    username: str | None = None
    secret: str | None = None
    mechanism: str = "password"
    password_command: str | list[str] | None = None
    imap: Endpoint | None = None
    smtp: Endpoint | None = None
    no_smtp: bool = False


@dataclass(frozen=True, slots=True)
class _Servers:
    imap: Endpoint
    smtp: Endpoint | None
    username: str


class Onboarding:
    """Adds accounts."""

    def __init__(self, ground: Ground, box: SecretBox, pacer: LoginPacer) -> None:
        self._ground = ground
        self._box = box
        self._pacer = pacer

    async def add(self, new: NewAccount, caller: str) -> AccountId:
        """Try both logins and store the account; what was kept of it before goes on (P19).

        Raises BadInput for an address that is none, RuleRefused for an account that exists, and
        AccountNotReached for a server that cannot be used; then nothing is stored.
        """
        key = normalise(new.address)
        if key is None:
            raise BadInput(
                f"{new.address!r} is no e-mail address: send one like name@example.com."
            )
        owner = OwnerId(new.owner or new.address)
        before = await self._ground.database.read(accounts.of_mailbox, owner, key)
        if before is not None and before.removed_at is None:
            raise RuleRefused(
                f"{new.address} is an account already (id {before.id}). For another password "
                "use set-password, or remove it first."
            )
        servers = await self._servers(new)
        login = Login(
            username=new.username or servers.username,
            mechanism=new.mechanism,
            sealed_secret=None if new.secret is None else self._box.seal(new.secret),
            password_command=new.password_command,
        )
        listing = await self.try_logins(login, servers.imap, servers.smtp)
        wish = _Wish(owner, new.address, key, login, servers, listing, caller)
        return await self._ground.database.write(
            lambda unit: _store(unit, wish, before), durable=True
        )

    async def try_logins(
        self, login: Login, imap: Endpoint, smtp: Endpoint | None
    ) -> Sequence[ListedFolder]:
        """Log in on both sides for real; gives the mailbox's folders.

        Raises AccountNotReached with side, host, port and what the server answered.
        """
        try:
            credentials = await credentials_of(login, self._box)
            listing = await self._try_imap(imap, credentials)
        except InboxdError as error:
            raise _not_reached("imap", imap, error) from error
        if smtp is not None:
            try:
                await check_login(smtp, credentials, tls=self._ground.tls)
            except InboxdError as error:
                raise _not_reached("smtp", smtp, error) from error
        return listing

    async def _try_imap(
        self, endpoint: Endpoint, credentials: Credentials
    ) -> Sequence[ListedFolder]:
        await self._pacer.turn()
        async with client.connect(endpoint, credentials, tls=self._ground.tls) as imap:
            return await imap.list_folders(status=True)

    async def _servers(self, new: NewAccount) -> _Servers:
        if new.imap is not None and (new.smtp is not None or new.no_smtp):
            return _Servers(new.imap, None if new.no_smtp else new.smtp, new.address)
        # Imported only here: what asks the DNS takes 4 MB and a twentieth of every start.
        from inboxd.discovery.autoconfig import discover  # noqa: PLC0415

        found = await discover(new.address)
        return _Servers(
            imap=new.imap or found.imap,
            smtp=None if new.no_smtp else new.smtp or found.smtp,
            username=found.username,
        )


def _not_reached(side: str, endpoint: Endpoint, error: InboxdError) -> AccountNotReached:
    text = f"The {side.upper()} login at {endpoint} failed: {error}"
    return AccountNotReached(text, side=side, cause=error)


@dataclass(frozen=True, slots=True)
class _Wish:
    """All that the transaction needs."""

    owner: OwnerId
    address: str
    key: AddressKey
    login: Login
    servers: _Servers
    listing: Sequence[ListedFolder]
    caller: str


def _store(unit: Unit, wish: _Wish, before: accounts.Account | None) -> AccountId:
    imap, smtp = wish.servers.imap, wish.servers.smtp
    if before is None:
        account = accounts.add(
            unit,
            owner=wish.owner,
            address=wish.address,
            key=wish.key,
            login=wish.login,
            imap=imap,
            smtp=smtp,
        )
    else:
        account = before.id
        accounts.set_login(unit, account, wish.login, imap, smtp)
        accounts.revive(unit, account)
    folders.record_listing(unit, account, wish.listing)
    folders.record_statuses(unit, account, wish.listing)
    unit.emit(
        EventType.ACCOUNT_ADDED,
        account,
        {"address": wish.address, "owner": wish.owner, "caller": wish.caller},
    )
    return account
