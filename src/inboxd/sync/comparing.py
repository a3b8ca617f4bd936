"""The ledger compared with the server: what is missing comes in, what is gone is marked.

At each connect and every few hours: this, and no cursor, is what makes sure that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from inboxd.log import get
from inboxd.model.ids import ModSeq
from inboxd.model.labels import Selection
from inboxd.model.server import Metadata, UidSet
from inboxd.model.settings import Terms
from inboxd.store import folders, labels, ledger
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Stored
from inboxd.sync import plan
from inboxd.sync.intake import take_in
from inboxd.sync.session import Session

log = get("inboxd.comparing")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found."""

    messages: int
    """On the server."""
    gone: int
    """Placements that are there no more."""


async def reconcile(
    session: Session, folder: Folder, selection: Selection, terms: Terms
) -> Compared:
    """Compare the selected folder with the ledger, below its live cursor."""
    if folder.uidvalidity is None:
        return Compared(0, 0)
    on_server = await session.imap.search_uids()
    database = session.ground.database
    scope = await database.read(folders.live_scope, folder.id, folder.uidvalidity)
    decided = await database.read(ledger.decided, folder.id, folder.uidvalidity)
    present = await database.read(ledger.present, folder.id, folder.uidvalidity)
    gone = present - on_server
    if gone:
        await database.write(partial(_mark_gone, session, folder, gone))
    below_cursor = UidSet.span(1, (folder.next_uid or 1) - 1)
    missing = (on_server & scope & below_cursor) - decided
    if missing:
        log.warning("live_gap_found", folder_id=folder.id, messages=len(missing))
        await bring_in(session, folder, selection, terms, missing)
    return Compared(len(on_server), len(gone))


def _mark_gone(session: Session, folder: Folder, gone: UidSet, unit: Unit) -> None:
    if folder.uidvalidity is not None:
        ledger.mark_gone(unit, session.account, folder.id, folder.uidvalidity, gone)


async def bring_in(
    session: Session, folder: Folder, selection: Selection, terms: Terms, missing: UidSet
) -> None:
    """Fetch single messages of the selected folder as new mail, wherever they lie."""
    settings = session.ground.settings
    place = session.place(folder, terms, historical=False)
    metadata = await session.imap.fetch_metadata(missing)
    left_out = [
        (one.uid, reason)
        for one in metadata
        if (reason := reason_against(folder, selection, settings.limits.message_bytes, one))
    ]
    if left_out:
        await session.ground.database.write(
            lambda unit: ledger.skip(unit, place.folder, place.uidvalidity, left_out)
        )
    skipped = {uid for uid, _ in left_out}
    wanted = (one for one in metadata if one.uid not in skipped)
    for some in plan.fetches(wanted, plan.Bounds.of(settings.sync)):
        await _take_in(session, folder, terms, some)


async def _take_in(
    session: Session, folder: Folder, terms: Terms, batch: Sequence[Metadata]
) -> None:
    def nothing_else(_unit: Unit, _stored: Stored) -> None:
        return

    place = session.place(folder, terms, historical=False)
    bodies = await session.fetch(batch)
    await take_in(session.ground.database, place, bodies, nothing_else)


def reason_against(
    folder: Folder, selection: Selection, message_bytes: int, one: Metadata
) -> Reason | None:
    """Why a new message is not stored. Pure."""
    if not selection.takes(folder, one.labels):
        return Reason.NOT_CHOSEN
    return Reason.TOO_LARGE if one.size > message_bytes else None


async def follow_labels(
    session: Session,
    folder: Folder,
    selection: Selection,
    terms: Terms,
    *,
    whole: bool,
    history_open: bool,
) -> Folder:
    """Take in the labels that changed on the server, for a folder that holds all mail (Gmail).

    A message that got a chosen label comes in as new mail, as if it were moved to a chosen
    folder. While a history runs, the next look begins where this one did: what the history stored
    meanwhile may carry labels of before the change. `whole` asks for the labels of everything,
    which no lost MODSEQ can hide from.
    """
    uidvalidity = folder.uidvalidity
    since = None if whole else folder.modseq
    if uidvalidity is None or (since is None and not whole):
        return folder
    told = await session.imap.fetch_labels(since)
    database = session.ground.database
    known = await database.read(labels.stored_among, folder.id, uidvalidity, told)
    carried = {known[one.uid]: one.labels for one in told if one.uid in known}
    skipped = await database.read(ledger.skipped, folder.id, uidvalidity, Reason.NOT_CHOSEN)
    seen = max((one.modseq for one in told if one.modseq is not None), default=None)
    following = folder.modseq
    if seen is not None and not history_open:
        # What was seen and not HIGHESTMODSEQ: Gmail counts changes that it does not show yet
        # (2014, the Nylas sync engine).
        following = ModSeq(max(seen, folder.modseq or 0))

    def work(unit: Unit) -> None:
        labels.follow(unit, session.account, carried)
        if following != folder.modseq:
            folders.change(unit, folder.id, modseq=following)

    chosen_now = UidSet.of(
        one.uid for one in told if one.uid in skipped and selection.takes(folder, one.labels)
    )
    if chosen_now:
        await bring_in(session, folder, selection, terms, chosen_now)
    await database.write(work)
    return replace(folder, modseq=following)
