"""The loop of one account: wait, run, classify.

The account's task is the only writer of its phase. It keeps two lanes, each one connection at a
time from login to last byte: the watch, for as long as the account is live, and the history, while
a run is unfinished. A connection is never repaired: whatever goes wrong ends it, the lane decides
by the error's remedy what comes next, and connects anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

import anyio
from anyio.abc import TaskGroup

from inboxd.accounts.visits import Visits
from inboxd.backoff import Backoff
from inboxd.log import get
from inboxd.model.errors import InboxdError, LoginRejected, Remedy, Throttled
from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, FolderId
from inboxd.model.phases import Phase, PhaseEvent, advance, at_rest
from inboxd.model.views import Trouble, Watch
from inboxd.store import accounts, runs
from inboxd.store.accounts import Account, Login
from inboxd.store.database import Unit
from inboxd.sync.backfill import run_history
from inboxd.sync.doorbell import Doorbell
from inboxd.sync.live import LiveWatch
from inboxd.sync.session import Ground

REFUSALS_BEFORE_PERSON = 3
"""P20: a login must be refused this often in a row before a person is asked: providers refuse
good passwords for a moment, and more tries than this lock accounts."""


class Lane(StrEnum):
    """What a connection is for."""

    WATCH = "watch"
    HISTORY = "history"


class AccountTask:
    """One account while the daemon runs. Made and run by the supervisor."""

    def __init__(self, account: AccountId, ground: Ground, visits: Visits) -> None:
        self._id = account
        self._ground = ground
        self._visits = visits
        self._log = get("inboxd.account").bind(account=account)
        self._bell = Doorbell()
        self._watch_bell = Doorbell()
        self._lanes: TaskGroup | None = None
        self._login: Login | None = None
        self._looking = False
        self._stale = False
        """Something changed since the last look."""
        self._history_running = False
        self._watch: LiveWatch | None = None
        self._troubles: dict[Lane, tuple[PhaseEvent, Trouble]] = {}
        self._server_word = ""
        self._trying_again = False

    @property
    def watches(self) -> Mapping[FolderId, Watch]:
        """How each folder is watched now; empty while there is no watch connection."""
        return MappingProxyType({}) if self._watch is None else self._watch.watches

    def ring(self) -> None:
        """Something stored about this account changed: look again."""
        self._bell.ring()
        self._look_again()

    def try_again(self) -> None:
        """A person says that a refused login may work now."""
        self._trying_again = True
        self._bell.ring()

    async def run(self) -> None:
        """Live until the account is removed."""
        while True:
            self._bell.answer()
            account = await self._load()
            if account.removed_at is not None:
                return
            if account.paused:
                await self._move(PhaseEvent.PAUSE)
            elif account.phase is Phase.PAUSED:
                await self._move(PhaseEvent.RESUME)
            if account.phase is Phase.NEEDS_LOGIN and not account.paused:
                await self._wait_for_login(account)
            elif account.paused or account.synced_at is None:
                await self._rest(account)
            else:
                await self._sync(account)

    async def _wait_for_login(self, account: Account) -> None:
        """Do nothing until the login is another one or a person says to try again (P20)."""
        while not self._trying_again:
            await self._bell.wait()
            now = await self._load()
            if now.login != account.login or now.paused or now.removed_at is not None:
                break
        self._trying_again = False
        await self._move(PhaseEvent.CHOSEN)

    async def _rest(self, account: Account) -> None:
        if not account.paused:
            await self._move(PhaseEvent.CHOSEN)
        await self._bell.wait()

    async def _load(self) -> Account:
        return await self._ground.database.read(accounts.get, self._id)

    # --- running ---------------------------------------------------------------------------------

    async def _sync(self, account: Account) -> None:
        """Keep both lanes until the account is paused, removed or needs a person.

        The watch runs in this very task: a live account has no other.
        """
        self._troubles.clear()
        async with anyio.create_task_group() as lanes:
            self._lanes, self._login = lanes, account.login
            try:
                self._look_again()
                await self._keep(Lane.WATCH, self._run_watch)
            finally:
                self._lanes = None

    def _look_again(self) -> None:
        """Look at what is stored, in a task that lasts no longer than that."""
        self._stale = True
        if self._lanes is not None and not self._looking:
            self._looking = True
            self._lanes.start_soon(self._look, self._lanes)

    async def _look(self, lanes: TaskGroup) -> None:
        try:
            while self._stale:
                self._stale = False
                rung = self._bell.answer()
                account = await self._load()
                if account.removed_at or account.paused or account.login != self._login:
                    lanes.cancel_scope.cancel()
                    return
                if not self._history_running and await self._planned_runs():
                    self._history_running = True
                    lanes.start_soon(self._keep_history)
                if rung:
                    self._watch_bell.ring()
        finally:
            self._looking = False

    async def _keep_history(self) -> None:
        """Run the unfinished histories; the connection for them lasts as long as they do."""
        try:
            while await self._planned_runs():
                await self._keep(Lane.HISTORY, self._run_histories)
        finally:
            self._history_running = False

    async def _planned_runs(self) -> list[runs.Run]:
        unfinished = await self._ground.database.read(runs.unfinished, self._id)
        return [run for run in unfinished if run.planned_at is not None]

    async def _keep(
        self,
        lane: Lane,
        connect_and_run: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        """Run a lane until it has done its work; every failure ends here and is decided here."""
        settings = self._ground.settings.sync
        backoff = Backoff(
            settings.backoff_first_seconds, settings.backoff_most_seconds, self._ground.random
        )
        refusals = 0
        while True:
            try:
                await connect_and_run(backoff.reset)
            except Exception as group:  # noqa: BLE001 - the boundary of this lane
                error = _innermost(group)
            else:
                await self._recovered(lane)
                return
            refusals = refusals + 1 if isinstance(error, LoginRejected) else 0
            if refusals >= REFUSALS_BEFORE_PERSON:
                await self._fell(lane, PhaseEvent.LOGIN_REFUSED, error, None)
                if self._lanes is not None:
                    self._lanes.cancel_scope.cancel()
                return
            await self._retry(lane, error, backoff)

    async def _retry(self, lane: Lane, error: Exception, backoff: Backoff) -> None:
        pause = backoff.next()
        event = PhaseEvent.TROUBLE
        if isinstance(error, Throttled):
            event = PhaseEvent.THROTTLE
            pause = max(pause, error.retry_after_seconds or 0)
        elif not isinstance(error, InboxdError) or error.remedy is Remedy.BUG:
            event = PhaseEvent.FAILURE
            self._log.error("account_bug", lane=lane, exc_info=error)
        await self._fell(lane, event, error, pause)
        await self._ground.clock.sleep(pause)

    def _note_word(self, word: str) -> None:
        self._server_word = word

    async def _run_watch(self, reset: Callable[[], None]) -> None:
        shown = False

        async def caught_up() -> None:
            nonlocal shown
            # Back-off ends with having caught up, not with having connected (P20).
            reset()
            if not shown or Lane.WATCH in self._troubles:
                shown = True
                await self._recovered(Lane.WATCH)

        async with self._visits.session(self._id, last_word=self._note_word) as session:
            self._watch = LiveWatch(
                session, self._watch_bell, on_settled=self._look_again, on_caught_up=caught_up
            )
            try:
                await self._watch.run()
            finally:
                self._watch = None

    async def _run_histories(self, reset: Callable[[], None]) -> None:
        # DEFLATE's state is 256 kB, which a connection that ends with its history can afford.
        visit = self._visits.session(self._id, compress=True, last_word=self._note_word)
        async with visit as session:
            for run in await self._planned_runs():
                await run_history(session, run)
                reset()
                await self._move(PhaseEvent.CHOSEN)

    # --- phases ----------------------------------------------------------------------------------

    async def _recovered(self, lane: Lane) -> None:
        self._troubles.pop(lane, None)
        await self._show()

    async def _fell(
        self, lane: Lane, event: PhaseEvent, error: Exception, pause_seconds: float | None
    ) -> None:
        now = self._ground.clock.now()
        following = None if pause_seconds is None else now + timedelta(seconds=pause_seconds)
        known = isinstance(error, InboxdError)
        text = str(error) if known else "inboxd met a bug; the log has the details."
        code = error.code if isinstance(error, InboxdError) else "internal"
        self._troubles[lane] = (event, Trouble(code, text, now, following))
        self._log.warning("lane_failed", lane=lane, code=code, pause_seconds=pause_seconds)
        await self._show()

    async def _show(self) -> None:
        """Store the phase that both lanes together amount to: the watch's trouble first."""
        for lane in Lane:
            if lane in self._troubles:
                event, trouble = self._troubles[lane]
                await self._move(event, trouble)
                return
        await self._move(PhaseEvent.CHOSEN)

    async def _move(self, event: PhaseEvent, trouble: Trouble | None = None) -> None:
        await self._ground.database.write(lambda unit: self._store_phase(unit, event, trouble))

    def _store_phase(self, unit: Unit, event: PhaseEvent, trouble: Trouble | None) -> None:
        account = accounts.get(unit.connection, self._id)
        history_open = bool(runs.unfinished(unit.connection, self._id))
        resting = at_rest(
            confirmed=account.conditions.confirmed,
            synced=account.synced_at is not None,
            history_open=history_open,
        )
        phase = advance(account.phase, event, resting)
        if (phase, trouble) == (account.phase, account.trouble):
            return
        accounts.set_phase(unit, self._id, phase, trouble, self._server_word)
        if phase is not account.phase:
            self._log.info("phase", phase=phase, before=account.phase)
            data: dict[str, str] = {"phase": phase, "before": account.phase}
            if trouble is not None:
                data |= {"code": trouble.code, "text": trouble.text}
            unit.emit(EventType.ACCOUNT_PHASE, self._id, data)


def _innermost(error: Exception) -> Exception:
    """The one error inside task groups' wrappings; the first of ours where there are several."""
    while isinstance(error, ExceptionGroup):
        ours = [one for one in error.exceptions if isinstance(one, InboxdError)]
        error = ours[0] if ours else error.exceptions[0]
    return error
