"""Starts and keeps one task per account, and is the tasks' only owner."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
from anyio.abc import TaskGroup

from inboxd.accounts.account import AccountTask
from inboxd.accounts.pacing import LoginPacer
from inboxd.accounts.visits import Visits
from inboxd.clock import SuspendDetector
from inboxd.log import get
from inboxd.model.ids import AccountId, FolderId
from inboxd.model.views import Watch
from inboxd.secrets import SecretBox
from inboxd.store import accounts
from inboxd.sync.session import Ground

log = get("inboxd.supervisor")

RESTART_SECONDS = 60.0
"""After a bug ended an account's task: long enough not to spin, short enough to heal alone."""

LOOK_SECONDS = 5.0
"""How long after a suspend its connections are still believed."""


class Supervisor:
    """The accounts that run. Lives as long as the task group it is given."""

    def __init__(self, ground: Ground, tasks: TaskGroup, box: SecretBox) -> None:
        self._ground = ground
        self._tasks = tasks
        self._pacer = LoginPacer(ground.settings.limits.logins_per_second, ground.clock)
        self.visits = Visits(ground, self._pacer, box)
        self._running: dict[AccountId, tuple[AccountTask, anyio.CancelScope]] = {}
        self._awaited: dict[AccountId, anyio.Event] = {}

    @property
    def pacer(self) -> LoginPacer:
        """The pace of logins, for those that are made outside an account's task too."""
        return self._pacer

    async def start_all(self) -> None:
        """Start every stored account; returns without waiting for any server."""
        stored = await self._ground.database.read(accounts.everyone)
        for account in stored:
            self.start(account.id)

    def start(self, account: AccountId) -> None:
        """Start an account's task, unless it runs."""
        if account in self._running:
            self.ring(account)
            return
        task = AccountTask(account, self._ground, self.visits)
        scope = anyio.CancelScope()
        self._running[account] = (task, scope)
        self._tasks.start_soon(self._keep, account, task, scope, name=f"account {account}")

    async def _keep(self, account: AccountId, task: AccountTask, scope: anyio.CancelScope) -> None:
        """The boundary of one account: whatever happens in it, the others do not notice."""
        try:
            with scope:
                while True:
                    try:
                        await task.run()
                    except Exception:
                        log.exception("account_task_failed", account=account)
                        await self._ground.clock.sleep(RESTART_SECONDS)
                    else:
                        return
        finally:
            self._running.pop(account, None)
            if account in self._awaited:
                self._awaited.pop(account).set()

    def ring(self, account: AccountId) -> None:
        """Tell an account's task that what is stored about it changed."""
        running = self._running.get(account)
        if running is not None:
            running[0].ring()

    def try_again(self, account: AccountId) -> None:
        """Let an account whose login was refused try it once more."""
        running = self._running.get(account)
        if running is not None:
            running[0].try_again()

    async def stop(self, account: AccountId) -> None:
        """End an account's task and wait until nothing of it runs any more."""
        running = self._running.get(account)
        if running is not None:
            running[1].cancel()
            await self._awaited.setdefault(account, anyio.Event()).wait()

    async def watch_for_suspends(self) -> None:
        """Doubt every connection after the machine slept; runs as long as the daemon.

        No timer notices by itself: the event loop's clock stood still as well. Each account is
        made to end its IDLE, which a connection that died meanwhile does not answer: within
        `sync.done_seconds` it is dropped and made anew.
        """
        detector = SuspendDetector(self._ground.clock)
        while True:
            await self._ground.clock.sleep(LOOK_SECONDS)
            if detector.jumped():
                log.info("machine_was_suspended", accounts=len(self._running))
                for account in list(self._running):
                    self.ring(account)

    def watches(self, account: AccountId) -> Mapping[FolderId, Watch]:
        """How each folder of an account is watched now."""
        running = self._running.get(account)
        return {} if running is None else running[0].watches
