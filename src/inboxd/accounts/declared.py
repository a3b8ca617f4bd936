"""Accounts that the operator declares in YAML: created when first seen, the database's then on."""

from __future__ import annotations

from inboxd.accounts.desk import Desk
from inboxd.accounts.onboarding import NewAccount
from inboxd.backoff import Backoff
from inboxd.config.model import DeclaredAccount
from inboxd.log import get
from inboxd.model.errors import InboxdError, NotFound, RuleRefused
from inboxd.secrets import read_credential
from inboxd.sync.session import Ground

log = get(__name__)


class Declared:
    """Creates what is declared and not there yet."""

    def __init__(self, ground: Ground, desk: Desk) -> None:
        self._ground = ground
        self._desk = desk

    async def create_missing(self) -> None:
        """Create each declared account, one after the other.

        A server that is down is tried again for as long as the daemon runs (P20).
        """
        waiting = list(self._ground.settings.accounts)
        sync = self._ground.settings.sync
        backoff = Backoff(
            sync.backoff_first_seconds, sync.backoff_most_seconds, self._ground.random
        )
        while waiting:
            waiting = [one for one in waiting if not await self._created(one)]
            if waiting:
                await self._ground.clock.sleep(backoff.next())

    async def _created(self, declared: DeclaredAccount) -> bool:
        try:
            await self._desk.account(declared.address)
        except NotFound:
            pass
        except RuleRefused:
            return True
        else:
            return True
        try:
            view = await self._desk.add_account(_wish(declared), "config")
        except InboxdError as error:
            log.warning("declared_account_failed", code=error.code, problem=str(error))
            return False
        log.info("declared_account_added", account=view.id)
        return True


def _wish(declared: DeclaredAccount) -> NewAccount:
    secret = None
    if declared.password_credential is not None:
        secret = read_credential(declared.password_credential)
    command = declared.password_cmd
    return NewAccount(
        address=declared.address,
        owner=declared.owner,
        username=declared.username,
        secret=secret,
        password_command=command if command is None or isinstance(command, str) else list(command),
        imap=declared.imap.endpoint,
        smtp=None if declared.smtp is None else declared.smtp.endpoint,
        no_smtp=declared.smtp is None,
    )
