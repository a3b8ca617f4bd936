"""A folder whose UIDVALIDITY changed: the same mail under new UIDs (RFC 3501 2.3.1.1).

Nothing is deleted first and as little as possible is fetched again: a message whose INTERNALDATE
and size occur once among the old placements and once among the new UIDs is the same message. What
that does not settle is fetched and recognised by its content. Mail that the history left out is
left out again (P6): the new generation is no way around the choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inboxd.log import get
from inboxd.mime.people import headers_people
from inboxd.model.ids import MessageId, ModSeq, Uid, UidValidity
from inboxd.model.labels import Selection
from inboxd.model.server import FolderStatus, Metadata, UidSet
from inboxd.model.settings import Terms
from inboxd.store import contacts, folders, ledger, runs
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.ledger import Reason
from inboxd.store.messages import Stored
from inboxd.sync import plan
from inboxd.sync.intake import take_in
from inboxd.sync.session import Session

log = get("inboxd.renewal")

WINDOW = 5_000
"""UIDs whose metadata are asked for at once."""

Likeness = tuple[datetime, int]
"""INTERNALDATE and size: what is left of a message's identity when UIDs are worth nothing."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """How the new UIDs of a folder relate to what is stored."""

    same: tuple[tuple[Uid, MessageId], ...]
    """Recognised without fetching."""
    similar: tuple[Metadata, ...]
    """Looks like something stored: fetched to be sure."""
    unknown: tuple[Metadata, ...]
    """Looks like nothing stored: new, or left out before."""


def recognise(
    placements: Sequence[tuple[MessageId, Likeness]], metadata: Sequence[Metadata]
) -> Recognised:
    """Match old placements and new UIDs by what both sides know of them. Pure."""
    old = Counter(likeness for _, likeness in placements)
    new = Counter((one.internal_date, one.size) for one in metadata)
    unique = {likeness: message for message, likeness in placements if old[likeness] == 1}
    same: list[tuple[Uid, MessageId]] = []
    similar: list[Metadata] = []
    unknown: list[Metadata] = []
    for one in metadata:
        likeness = (one.internal_date, one.size)
        if likeness in unique and new[likeness] == 1:
            same.append((one.uid, unique[likeness]))
        elif likeness in old:
            similar.append(one)
        else:
            unknown.append(one)
    return Recognised(tuple(same), tuple(similar), tuple(unknown))


async def renew(
    session: Session, folder: Folder, status: FolderStatus, selection: Selection, terms: Terms
) -> Uid:
    """Move a selected folder to its new UIDVALIDITY; gives the new live cursor."""
    log.warning("uidvalidity_changed", folder_id=folder.id)
    uidnext = status.uidnext or Uid(1)
    listed = await session.imap.search_uids()
    metadata: list[Metadata] = []
    while listed:
        window = listed.newest(WINDOW)
        listed = listed - window
        metadata.extend(await session.imap.fetch_metadata(window))
    placements = await _placements(session, folder)
    mapping = recognise(placements, metadata)
    left_out = await _left_out(session, folder, selection, mapping.unknown)
    fetch = [one for one in (*mapping.similar, *mapping.unknown) if one.uid not in left_out]
    await _fetch(session, folder, status.uidvalidity, fetch, terms)
    following = max((uidnext, *(Uid(one.uid + 1) for one in metadata)))
    await session.ground.database.write(
        lambda unit: _swap(
            unit,
            session,
            folder,
            status.uidvalidity,
            mapping,
            left_out,
            following,
            status.highestmodseq,
        )
    )
    return Uid(following)


async def _placements(session: Session, folder: Folder) -> list[tuple[MessageId, Likeness]]:
    if folder.uidvalidity is None:
        return []
    return await session.ground.database.read(
        ledger.placements_by_likeness, folder.id, folder.uidvalidity
    )


async def _left_out(
    session: Session, folder: Folder, selection: Selection, unknown: Sequence[Metadata]
) -> Mapping[Uid, Reason]:
    """What the first history left out is left out again, by the same rules (P3, P6)."""
    not_chosen = {
        one.uid: Reason.NOT_CHOSEN for one in unknown if not selection.takes(folder, one.labels)
    }
    first = await session.ground.database.read(runs.first, session.account)
    if first is None:
        return not_chosen
    known = await session.ground.database.read(contacts.keys_at, first.pressed_at)
    rules = plan.Rules(
        start_at=first.start_at,
        pressed_at=first.pressed_at,
        history=first.history,
        contacts=known,
        message_bytes=session.ground.settings.limits.message_bytes,
    )
    left_out = not_chosen | {
        one.uid: reason for one in unknown if (reason := rules.by_metadata(one)) is not None
    }
    asked = UidSet.of(
        one.uid for one in unknown if one.uid not in left_out and rules.asks_for_people(one)
    )
    for header in await session.imap.fetch_headers(asked, plan.P6_FIELDS) if asked else ():
        reason = rules.by_people(headers_people(header.header))
        if reason is not None:
            left_out[header.uid] = reason
    return left_out


async def _fetch(
    session: Session,
    folder: Folder,
    uidvalidity: UidValidity,
    wanted: Sequence[Metadata],
    terms: Terms,
) -> None:
    settings = session.ground.settings.sync
    place = session.place(folder, terms, historical=True, uidvalidity=uidvalidity)

    def nothing_else(_unit: Unit, _stored: Stored) -> None:
        return

    for some in plan.fetches(wanted, plan.Bounds.of(settings)):
        bodies = await session.fetch(some)
        await take_in(session.ground.database, place, bodies, nothing_else)


def _swap(
    unit: Unit,
    session: Session,
    folder: Folder,
    uidvalidity: UidValidity,
    mapping: Recognised,
    left_out: Mapping[Uid, Reason],
    following: int,
    modseq: ModSeq | None,
) -> None:
    ledger.place(unit, folder.id, uidvalidity, mapping.same)
    ledger.skip(unit, folder.id, uidvalidity, left_out.items())
    if folder.uidvalidity is not None:
        still = ledger.present(unit.connection, folder.id, folder.uidvalidity)
        ledger.mark_gone(unit, session.account, folder.id, folder.uidvalidity, still, moved=True)
    if folder.next_uid is not None:
        folders.close_span(unit, folder.id, folder.next_uid - 1)
    folders.add_span(unit, folder.id, uidvalidity, 1, following - 1)
    folders.open_span(unit, folder.id, uidvalidity, Uid(following), modseq)
