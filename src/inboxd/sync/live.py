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
from inboxd.model.ids import FolderId, Uid
from inboxd.model.server import Fetched, FolderStatus, Metadata, UidSet
from inboxd.model.views import Watch
from inboxd.store import folders, ledger, retention
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Stored
from inboxd.sync import comparing, plan
from inboxd.sync.borders import Border
from inboxd.sync.doorbell import Doorbell
from inboxd.sync.intake import take_in
from inboxd.sync.mirror import fulfil
from inboxd.sync.renewal import renew
from inboxd.sync.scope import settle
from inboxd.sync.session import Session
from inboxd.sync.watched import Watched

log = get("inboxd.live")

POLL_SECONDS = 60.0
"""Where a server has no IDLE: as often as Courier itself looks (its IMAP_IDLE_TIMEOUT)."""


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
        self._watched = Watched()
        self._labels_lost = False
        """A change of labels may have been missed: all are to be compared."""
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
        first = None if self._watched.primary is None else self._watched.primary.id
        return {folder: primary if folder == first else other for folder in self._watched.folders}

    async def run(self) -> None:
        """Watch until the connection fails or the task is cancelled; never returns by itself."""
        self._bell.answer()
        await self._settle()
        self._watched.doubt_everything()
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
        self._watched.take(scope)
        if scope.history_open:
            self._on_settled()

    # --- catching up -----------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Bring every watched folder to the server's present state.

        Ends only when nothing was announced meanwhile: IDLE reports what comes after it began,
        so whatever came before must have been asked for.
        """
        watched = self._watched
        while True:
            if self._bell.answer():
                self._chores = True
                await self._settle()
            self._read_hints()
            if watched.dirty:
                await self._drain(watched.first_of(watched.dirty))
            elif watched.doubtful:
                await self._reconcile(watched.first_of(watched.doubtful))
            elif watched.unlabelled:
                await self._follow_labels(watched.first_of(watched.unlabelled))
            elif watched.primary and self._imap.selected != watched.primary.wire_name:
                await self._open(watched.primary)
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

    def _read_hints(self) -> None:
        hints = self._imap.take_hints()
        self._watched.hear(hints, self._imap.selected)
        if hints.list_changed:
            self._bell.ring()

    async def _open(self, folder: Folder) -> Folder | None:
        """Select a folder and look for what came before it was selected.

        None when the server refuses to open it any more (deleted a moment ago); the next
        listing decides what that means.
        """
        try:
            status = await self._imap.examine(folder.wire_name)
        except CommandRefused:
            self._watched.trust(folder.id)
            self._bell.ring()
            return None
        if status.uidvalidity != folder.uidvalidity:
            folder = await self._new_generation(folder, status)
        if status.uidnext is None or status.uidnext > (folder.next_uid or 1):
            self._watched.dirty.add(folder.id)
        return folder

    async def _drain(self, folder: Folder) -> None:
        """Fetch and store everything from the cursor on, then move the cursor."""
        self._watched.dirty.discard(folder.id)
        few, self._watched.few = self._watched.few, False
        if self._imap.selected != folder.wire_name:
            few = False
            opened = await self._open(folder)
            self._watched.dirty.discard(folder.id)
            if opened is None:
                return
            folder = opened
        first = folder.next_uid or Uid(1)
        seen_at, self._watched.seen_at = self._watched.seen_at, None
        whole: Mapping[Uid, Fetched] = {}
        if few:
            metadata, whole = await self._imap.fetch_new(first)
        else:
            metadata = await self._imap.fetch_metadata_from(first)
        border = self._watched.borders.pop(folder.id, None)
        if border is not None:
            metadata = border.reached(metadata)
        skipped = [
            (one.uid, reason)
            for one in metadata
            if (reason := self._left_out(folder, one, border)) is not None
        ]
        left_out = {uid for uid, _ in skipped}
        wanted = [one for one in metadata if one.uid not in left_out]
        for some in plan.fetches(wanted, plan.Bounds.of(self._settings)):
            await self._bring_in(folder, some, whole, seen_at)
        last = max((one.uid for one in metadata), default=None)
        if last is not None:
            await self._pass(folder, skipped, Uid(last + 1))
        expected = self._watched.expected
        expected[folder.id] = expected.get(folder.id, 0) + len(metadata)
        if border is not None:
            await self._settled(self._watched.folders[folder.id], border)

    def _left_out(self, folder: Folder, one: Metadata, border: Border | None) -> Reason | None:
        limit = self._session.ground.settings.limits.message_bytes
        if border is None:
            return comparing.reason_against(folder, self._watched.selection, limit, one)
        if not border.takes(one):
            return Reason.NOT_CHOSEN
        return Reason.TOO_LARGE if one.size > limit else None

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
        place = self._session.place(folder, self._watched.terms, historical=False)
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
        self._watched.passed(folder.id, following)

    async def _pass(
        self, folder: Folder, skipped: list[tuple[Uid, Reason]], following: Uid
    ) -> None:
        """Move the cursor over UIDs that are not fetched."""
        present = self._watched.folders[folder.id]
        if not skipped and (present.next_uid or 1) >= following:
            return

        def work(unit: Unit) -> None:
            if folder.uidvalidity is not None:
                ledger.skip(unit, folder.id, folder.uidvalidity, skipped)
            folders.move_live_cursor(unit, folder.id, following)

        await self._session.ground.database.write(work)
        self._watched.passed(folder.id, following)

    # --- comparing -------------------------------------------------------------------------------

    async def _reconcile(self, folder: Folder) -> None:
        """Compare the ledger with the server: fetch what is missing, mark what is gone."""
        self._watched.doubtful.discard(folder.id)
        opened = await self._open(folder)
        if opened is None:
            return
        found = await comparing.reconcile(
            self._session, opened, self._watched.selection, self._watched.terms
        )
        self._chores |= found.gone > 0
        self._watched.expected[folder.id] = found.messages

    async def _follow_labels(self, folder: Folder) -> None:
        """Look for labels that changed on the server, which no push tells of."""
        self._watched.unlabelled.discard(folder.id)
        opened = await self._open(folder)
        if opened is None:
            return
        followed = await comparing.follow_labels(
            self._session,
            opened,
            self._watched.selection,
            self._watched.terms,
            whole=self._labels_lost,
            history_open=self._watched.history_open,
        )
        self._labels_lost = False
        self._watched.remember(replace(self._watched.folders[folder.id], modseq=followed.modseq))

    async def _new_generation(self, folder: Folder, status: FolderStatus) -> Folder:
        following = await renew(
            self._session, folder, status, self._watched.selection, self._watched.terms
        )
        renewed = replace(
            folder,
            uidvalidity=status.uidvalidity,
            next_uid=following,
            modseq=status.highestmodseq,
        )
        self._watched.remember(renewed)
        self._watched.doubtful.add(folder.id)
        return renewed

    # --- waiting ---------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Wait for a push, the bell, or the time of the next sweep."""
        now = self._clock.monotonic()
        if now - self._reconciled_at > self._settings.reconcile_hours * 3600:
            if self._reconciled_at:
                self._watched.doubt_everything()
                self._labels_lost = True
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
        labelled = any(folder.labelled for folder in self._watched.folders.values())
        alone = (self._notified or len(self._watched.folders) <= 1) and not labelled
        patient = self._settings.idle_cap_seconds
        return patient if alone else self._settings.sweep_seconds
