"""Deleting and archiving on the server what was deleted and archived here (P23)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from inboxd.imap.gmail import INBOX
from inboxd.log import get
from inboxd.model.errors import CommandRefused
from inboxd.model.ids import FolderId, Uid, WireName
from inboxd.model.messages import Action
from inboxd.model.server import SpecialUse
from inboxd.store import folders, mirror
from inboxd.store.database import Unit
from inboxd.store.folders import Folder
from inboxd.store.mirror import Wish
from inboxd.sync.session import Session

log = get("inboxd.mirror")

MOST_ATTEMPTS = 5
"""Refusals by the server before a wish is given up and announced; a lost connection is none."""

_TARGET = {Action.DELETE: SpecialUse.TRASH, Action.ARCHIVE: SpecialUse.ARCHIVE}

_STAYS = {
    Action.DELETE: frozenset({SpecialUse.TRASH}),
    # What was sent or thrown away is not what people archive.
    Action.ARCHIVE: frozenset(
        {
            SpecialUse.ARCHIVE,
            SpecialUse.ALL,
            SpecialUse.SENT,
            SpecialUse.DRAFTS,
            SpecialUse.JUNK,
            SpecialUse.TRASH,
        }
    ),
}
"""Placements that an action leaves where they are."""


async def fulfil(session: Session) -> bool:
    """Do what is wished; whether the mailbox was changed.

    Every step can be repeated: an attempt is noted before it is made, and a copy that a cut-off
    attempt left behind is found by its Message-ID. Raises what the connection raises.
    """
    database = session.ground.database
    wishes = await database.read(mirror.pending, session.account)
    if not wishes:
        return False
    known = await database.read(folders.of_account, session.account)
    for wish in wishes:
        await database.write(partial(_begun, wish), durable=True)
        trouble = ""
        try:
            trouble = await _fulfil(session, wish, known)
        except CommandRefused as error:
            if wish.attempts + 1 < MOST_ATTEMPTS:
                log.info("mirror_refused", message=wish.message, attempts=wish.attempts + 1)
                continue
            trouble = str(error)
        await database.write(partial(_settled, session, wish, trouble), durable=True)
    return True


def _begun(wish: Wish, unit: Unit) -> None:
    mirror.begun(unit, wish)


def _settled(session: Session, wish: Wish, trouble: str, unit: Unit) -> None:
    mirror.settled(unit, session.account, wish, trouble)


async def _fulfil(session: Session, wish: Wish, known: Sequence[Folder]) -> str:
    """Move every placement; gives a sentence where it can never be done."""
    by_id = {folder.id: folder for folder in known if folder.listed}
    target = next((f for f in by_id.values() if f.special_use is _TARGET[wish.action]), None)
    labelled = any(folder.labelled for folder in by_id.values())
    if target is None and wish.action is Action.ARCHIVE and not labelled:
        return "The server has no archive folder: make one there, named Archive."
    for place in wish.places:
        folder = by_id.get(FolderId(place[0]))
        if folder is None or (folder.special_use in _STAYS[wish.action] and not folder.labelled):
            continue
        if await session.imap.changes.select(folder.wire_name) != place[1]:
            # Renumbered: the next look finds the message under its new UID.
            continue
        if folder.labelled and wish.action is Action.ARCHIVE:
            # On Gmail the archive is no folder: it is All Mail without the inbox's label.
            await session.imap.changes.unlabel(place[2], INBOX)
        else:
            await _move(session, wish, place[2], folder.wire_name, target)
    return ""


async def _move(
    session: Session, wish: Wish, uid: Uid, source: WireName, target: Folder | None
) -> None:
    changes = session.imap.changes
    if target is None:
        await changes.remove(uid)
    elif changes.moves_in_one:
        await changes.move(uid, target.wire_name)
    else:
        if not (wish.attempts and await _copied(session, wish, source, target)):
            await changes.copy(uid, target.wire_name)
        await changes.remove(uid)


async def _copied(session: Session, wish: Wish, source: WireName, target: Folder) -> bool:
    """Whether an earlier attempt got as far as the copy."""
    await session.imap.examine(target.wire_name)
    found = await session.imap.search_header("Message-ID", wish.message_id)
    await session.imap.changes.select(source)
    return bool(found)
