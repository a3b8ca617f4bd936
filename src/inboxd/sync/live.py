"""New mail the moment the server has it: drain, wait, drain (P11).

One connection watches all chosen folders of an account. It waits in IDLE on the most important
one; the others are told of by NOTIFY where the server has it, and swept with LIST-STATUS where it
has not. A push is a hint and never the source: what is new is always asked for by UID, from the
cursor on, so a lost or doubled hint costs a little time and no mail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import anyio

from inboxd.log import get
from inboxd.model.errors import CommandRefused
from inboxd.model.ids import FolderId, Uid, WireName
from inboxd.model.labels import ALL, Selection
from inboxd.model.server import Fetched, FolderStatus, Metadata, UidSet
from inboxd.model.settings import Terms
from inboxd.model.views import Watch
from inboxd.store import folders, ledger, retention
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Stored
from inboxd.sync import plan
from inboxd.sync.borders import Border
from inboxd.sync.doorbell import Doorbell
from inboxd.sync.intake import take_in
from inboxd.sync.mirror import fulfil
from inboxd.sync.renewal import renew
from inboxd.sync.scope import Scope, settle
from inboxd.sync.session import Session

log = get("inboxd.live")

POLL_SECONDS = 60.0
"""Where a server has no IDLE: as often as Courier itself looks (its IMAP_IDLE_TIMEOUT)."""

FEW = 16
"""Up to this many new messages are fetched with their metadata in one go: 1 MiB at the most."""


class LiveWatch:
    """The watch connection of one account, from its first listing to its end."""

    def __init__(
        self,
        session: Session,
        bell: Doorbell,
        *,
        on_settled: Callable[[], None],
        on_caught_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._session = session
        self._imap = session.imap
        self._clock = session.ground.clock
        self._settings = session.ground.settings.sync
        self._bell = bell
        self._on_settled = on_settled
        self._on_caught_up = on_caught_up
        self._folders: dict[FolderId, Folder] = {}
        self._by_name: dict[WireName, Folder] = {}
        self._primary: Folder | None = None
        self._dirty: set[FolderId] = set()
        """Folders with UIDs at or above their cursor."""
        self._doubtful: set[FolderId] = set()
        """Folders whose ledger must be compared with the server."""
        self._borders: dict[FolderId, Border] = {}
        """Folders whose new mail came in under several choices of labels."""
        self._selection = Selection.of(ALL, ())
        self._expected: dict[FolderId, int] = {}
        """How many messages a folder has if nothing vanished since it was last compared."""
        self._terms = Terms()
        self._seen_at: float | None = None
        self._few = False
        """The folder to be drained grew by no more than FEW."""
        self._swept_at = 0.0
        self._reconciled_at = 0.0
        self._notified = False
        self._chores = True
        """Something may be deleted, archived or purged."""

    @property
    def watches(self) -> Mapping[FolderId, Watch]:
        """How each folder is watched now (P11)."""
        other = Watch.NOTIFY if self._notified else Watch.POLL
        primary = Watch.IDLE if self._imap.can_idle else Watch.POLL
        return {
            folder: primary if self._primary is not None and folder == self._primary.id else other
            for folder in self._folders
        }

    async def run(self) -> None:
        """Watch until the connection fails or the task is cancelled; never returns by itself."""
        self._bell.answer()
        await self._settle()
        self._doubtful.update(self._folders)
        if self._imap.can_notify:
            await self._subscribe()
        while True:
            await self._catch_up()
            await self._on_caught_up()
            await self._wait()

    async def _subscribe(self) -> None:
        try:
            await self._imap.notify()
            self._notified = True
        except CommandRefused:
            # Offered and refused: the sweep does the same work a little later.
            log.info("notify_refused")

    # --- what is watched -------------------------------------------------------------------------

    async def _settle(self) -> None:
        scope = await settle(self._session)
        self._swept_at = self._clock.monotonic()
        self._take_scope(scope)
        if scope.history_open:
            self._on_settled()

    def _take_scope(self, scope: Scope) -> None:
        self._terms = scope.terms
        self._borders = dict(scope.borders)
        self._selection = scope.selection
        known = set(self._folders)
        self._folders = {folder.id: folder for folder in scope.watched}
        self._by_name = {folder.wire_name: folder for folder in scope.watched}
        self._primary = scope.watched[0] if scope.watched else None
        self._dirty |= set(self._borders)
        self._dirty &= set(self._folders)
        self._doubtful &= set(self._folders)
        self._doubtful |= set(self._folders) - known
        for wire_name, status in scope.statuses.items():
            self._compare(wire_name, status)

    def _compare(self, wire_name: WireName, status: FolderStatus) -> None:
        """Mark what a STATUS shows to be new or in doubt."""
        folder = self._by_name.get(wire_name)
        if folder is None:
            return
        if status.uidvalidity != folder.uidvalidity:
            self._dirty.add(folder.id)
            return
        if status.uidnext is None or status.uidnext > (folder.next_uid or 1):
            self._dirty.add(folder.id)
        elif status.messages != self._expected.get(folder.id, status.messages):
            self._doubtful.add(folder.id)

    # --- catching up -----------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Bring every watched folder to the server's present state.

        Ends only when nothing was announced meanwhile: IDLE reports what comes after it began,
        so whatever came before must have been asked for.
        """
        while True:
            if self._bell.answer():
                self._chores = True
                await self._settle()
            self._read_hints()
            if self._dirty:
                await self._drain(self._folders[self._next(self._dirty)])
            elif self._doubtful:
                await self._reconcile(self._folders[self._next(self._doubtful)])
            elif self._primary is not None and self._imap.selected != self._primary.wire_name:
                await self._open(self._primary)
            elif self._chores:
                await self._do_chores()
            elif not self._bell.rung and not self._imap.has_hints:
                return

    async def _do_chores(self) -> None:
        """What a person wished meanwhile, and what time brings; once nothing else is to do.

        A message that moved to another folder has by now been found there: only what is nowhere
        is purged.
        """
        self._chores = False
        account = self._session.account
        purged = await self._session.ground.database.write(
            lambda unit: retention.expire(unit, account)
        )
        changed = await fulfil(self._session)
        if purged or changed:
            self._bell.ring()

    def _next(self, marked: set[FolderId]) -> FolderId:
        """The most important of the marked folders; `_folders` is in that order."""
        return next(folder for folder in self._folders if folder in marked)

    def _read_hints(self) -> None:
        hints = self._imap.take_hints()
        if hints.received_at is not None:
            self._seen_at = hints.received_at
        selected = self._selected()
        if selected is not None and hints.arrived:
            self._dirty.add(selected.id)
            self._few = 0 < hints.arrivals <= FEW
        if selected is not None and hints.expunged:
            self._doubtful.add(selected.id)
        for wire_name, status in hints.folders:
            folder = self._by_name.get(wire_name)
            if folder is not None and status is None:
                self._dirty.add(folder.id)
                self._doubtful.add(folder.id)
            elif status is not None:
                self._compare(wire_name, status)
        if hints.list_changed:
            self._bell.ring()

    def _selected(self) -> Folder | None:
        selected = self._imap.selected
        return None if selected is None else self._by_name.get(selected)

    async def _open(self, folder: Folder) -> Folder | None:
        """Select a folder and look for what came before it was selected.

        None when the server refuses to open it any more (deleted a moment ago); the next
        listing decides what that means.
        """
        try:
            status = await self._imap.examine(folder.wire_name)
        except CommandRefused:
            self._dirty.discard(folder.id)
            self._doubtful.discard(folder.id)
            self._bell.ring()
            return None
        if status.uidvalidity != folder.uidvalidity:
            folder = await self._new_generation(folder, status)
        if status.uidnext is None or status.uidnext > (folder.next_uid or 1):
            self._dirty.add(folder.id)
        return folder

    async def _drain(self, folder: Folder) -> None:
        """Fetch and store everything from the cursor on, then move the cursor."""
        self._dirty.discard(folder.id)
        few, self._few = self._few, False
        if self._imap.selected != folder.wire_name:
            few = False
            opened = await self._open(folder)
            self._dirty.discard(folder.id)
            if opened is None:
                return
            folder = opened
        first = folder.next_uid or Uid(1)
        seen_at, self._seen_at = self._seen_at, None
        whole: Mapping[Uid, Fetched] = {}
        if few:
            metadata, whole = await self._imap.fetch_new(first)
        else:
            metadata = await self._imap.fetch_metadata_from(first)
        border = self._borders.pop(folder.id, None)
        if border is not None:
            metadata = border.reached(metadata)
        skipped = [
            (one.uid, reason)
            for one in metadata
            if (reason := self._left_out(folder, one, border)) is not None
        ]
        wanted = [one for one in metadata if one.uid not in {uid for uid, _ in skipped}]
        for batch in plan.batches(
            wanted,
            most_bytes=self._settings.batch_bytes,
            most_messages=self._settings.batch_messages,
        ):
            await self._bring_in(folder, batch, whole, seen_at)
        last = max((one.uid for one in metadata), default=None)
        if last is not None:
            await self._pass(folder, skipped, Uid(last + 1))
        self._expected[folder.id] = self._expected.get(folder.id, 0) + len(metadata)
        if border is not None:
            await self._settled(self._folders[folder.id], border)

    def _left_out(self, folder: Folder, one: Metadata, border: Border | None) -> Reason | None:
        if border is not None and not border.takes(one):
            return Reason.NOT_CHOSEN
        if border is None and not self._selection.takes(folder, one.labels):
            return Reason.NOT_CHOSEN
        too_large = one.size > self._session.ground.settings.limits.message_bytes
        return Reason.TOO_LARGE if too_large else None

    async def _settled(self, folder: Folder, border: Border) -> None:
        """All is stored that came while the folder was chosen: note it, or watch it no more."""

        def work(unit: Unit) -> None:
            folders.change(unit, folder.id, settled_change=border.change)
            if not border.stays:
                folders.close_span(unit, folder.id, (folder.next_uid or 1) - 1)

        await self._session.ground.database.write(work)
        if not border.stays:
            # Who else is to be watched is decided in one place.
            self._bell.ring()

    async def _bring_in(
        self,
        folder: Folder,
        batch: tuple[Metadata, ...],
        whole: Mapping[Uid, Fetched],
        seen_at: float | None,
    ) -> None:
        rest = [one for one in batch if one.uid not in whole]
        bodies = [whole[one.uid] for one in batch if one.uid in whole]
        if rest:
            bodies += await self._session.fetch(rest)
        asked = UidSet.of(one.uid for one in batch)
        given = UidSet.of(one.uid for one in bodies)
        if asked - given:
            again = await self._imap.fetch_bodies(asked - given)
            bodies = [*bodies, *again]
            given = given | UidSet.of(one.uid for one in again)
        withheld = await self._session.withheld(asked, given)
        place = self._session.place(folder, self._terms, historical=False)
        following = Uid(batch[-1].uid + 1)

        def also(unit: Unit, _stored: Stored) -> None:
            for uid in withheld:
                ledger.quarantine(
                    unit,
                    place.folder,
                    place.uidvalidity,
                    uid,
                    reason=Reason.NOT_GIVEN,
                    error="the server lists it and does not hand it out",
                    zstd=None,
                )
            folders.move_live_cursor(unit, folder.id, following)

        await take_in(self._session.ground.database, place, bodies, also, seen_at=seen_at)
        self._remember(replace(folder, next_uid=following))

    async def _pass(
        self, folder: Folder, skipped: list[tuple[Uid, Reason]], following: Uid
    ) -> None:
        """Move the cursor over UIDs that are not fetched."""
        present = self._folders[folder.id]
        if not skipped and (present.next_uid or 1) >= following:
            return

        def work(unit: Unit) -> None:
            if folder.uidvalidity is not None:
                ledger.skip(unit, folder.id, folder.uidvalidity, skipped)
            folders.move_live_cursor(unit, folder.id, following)

        await self._session.ground.database.write(work)
        self._remember(replace(present, next_uid=following))

    def _remember(self, folder: Folder) -> None:
        self._folders[folder.id] = folder
        self._by_name[folder.wire_name] = folder
        if self._primary is not None and self._primary.id == folder.id:
            self._primary = folder

    # --- comparing -------------------------------------------------------------------------------

    async def _reconcile(self, folder: Folder) -> None:
        """Compare the ledger with the server: fetch what is missing, mark what is gone."""
        self._doubtful.discard(folder.id)
        opened = await self._open(folder)
        if opened is None or opened.uidvalidity is None:
            return
        folder = opened
        on_server = await self._imap.search_uids()
        database = self._session.ground.database
        scope = await database.read(folders.live_scope, folder.id, opened.uidvalidity)
        decided = await database.read(ledger.decided, folder.id, opened.uidvalidity)
        present = await database.read(ledger.present, folder.id, opened.uidvalidity)
        await self._mark_gone(folder, present - on_server)
        below_cursor = UidSet.span(1, (folder.next_uid or 1) - 1)
        missing = (on_server & scope & below_cursor) - decided
        if missing:
            log.warning("live_gap_found", folder_id=folder.id, messages=len(missing))
            await self._fill(folder, missing)
        self._expected[folder.id] = len(on_server)

    async def _mark_gone(self, folder: Folder, gone: UidSet) -> None:
        uidvalidity = folder.uidvalidity
        if not gone or uidvalidity is None:
            return
        self._chores = True
        await self._session.ground.database.write(
            lambda unit: ledger.mark_gone(
                unit, self._session.account, folder.id, uidvalidity, gone
            )
        )

    async def _fill(self, folder: Folder, missing: UidSet) -> None:
        place = self._session.place(folder, self._terms, historical=False)

        def nothing_else(_unit: Unit, _stored: Stored) -> None:
            return

        for batch in plan.batches(
            await self._imap.fetch_metadata(missing),
            most_bytes=self._settings.batch_bytes,
            most_messages=self._settings.batch_messages,
        ):
            bodies = await self._session.fetch(batch)
            await take_in(self._session.ground.database, place, bodies, nothing_else)

    async def _new_generation(self, folder: Folder, status: FolderStatus) -> Folder:
        following = await renew(self._session, folder, status, self._terms)
        renewed = replace(folder, uidvalidity=status.uidvalidity, next_uid=following)
        self._remember(renewed)
        self._doubtful.add(folder.id)
        return renewed

    # --- waiting ---------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for a push, the bell, or the time of the next sweep."""
        now = self._clock.monotonic()
        if now - self._reconciled_at > self._settings.reconcile_hours * 3600:
            if self._reconciled_at:
                self._doubtful.update(self._folders)
            self._reconciled_at = now
        rest = max(0.0, self._swept_at + self._sweep_seconds() - now)
        if self._imap.can_idle and self._imap.selected is not None:
            with self._bell.calling(self._imap.wake):
                await self._imap.idle(
                    silence_seconds=min(rest, self._settings.idle_silence_seconds),
                    cap_seconds=min(rest, self._settings.idle_cap_seconds),
                )
        else:
            with anyio.move_on_after(min(rest, POLL_SECONDS)):
                await self._bell.rang()
            await self._imap.noop()
        if self._clock.monotonic() - self._swept_at >= self._sweep_seconds():
            await self._settle()

    def _sweep_seconds(self) -> float:
        """How often all folders are listed. NOTIFY tells of them; it is not trusted alone."""
        alone = self._notified or len(self._folders) <= 1
        patient = self._settings.idle_cap_seconds
        return patient if alone else self._settings.sweep_seconds
