"""Connections to a mailbox: who logs in, at what pace, with which deadlines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from inboxd.accounts.credentials import credentials_of
from inboxd.accounts.pacing import LoginPacer
from inboxd.imap import client
from inboxd.model.ids import AccountId
from inboxd.secrets import SecretBox
from inboxd.store import accounts
from inboxd.sync.session import Ground, Session


class Visits:
    """Makes connections, each in its turn; shared by all accounts."""

    def __init__(self, ground: Ground, pacer: LoginPacer, box: SecretBox) -> None:
        self._ground = ground
        self._pacer = pacer
        self._box = box

    @asynccontextmanager
    async def session(
        self,
        account: AccountId,
        *,
        compress: bool = False,
        last_word: Callable[[str], None] | None = None,
    ) -> AsyncIterator[Session]:
        """Log in and log out again. `last_word` is told what the server said to people.

        Raises what `credentials_of` and `client.connect` raise.
        """
        stored = await self._ground.database.read(accounts.get, account)
        credentials = await credentials_of(stored.login, self._box)
        await self._pacer.turn()
        deadlines = client.Deadlines(
            command_silence=self._ground.settings.sync.command_silence_seconds,
            done=self._ground.settings.sync.done_seconds,
        )
        async with client.connect(
            stored.imap,
            credentials,
            tls=self._ground.tls,
            deadlines=deadlines,
            compress=compress,
        ) as imap:
            try:
                yield Session(self._ground, account, imap)
            finally:
                if last_word is not None:
                    last_word(imap.server_word)
