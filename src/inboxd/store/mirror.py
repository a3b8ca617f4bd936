"""What was deleted or archived here, and is still to be done on the server (P23)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, FolderId, MessageId, Uid, UidValidity
from inboxd.model.messages import Action
from inboxd.store import tables
from inboxd.store.database import Unit


@dataclass(frozen=True, slots=True)
class Wish:
    """One message for whose placements the server is to do the same."""

    id: int
    message: MessageId
    message_id: str
    """Its Message-ID, to recognise a copy that an interrupted attempt left behind."""
    action: Action
    attempts: int
    places: tuple[tuple[FolderId, UidValidity, Uid], ...]
    """Where it lies on the server, as far as known."""


def apply(unit: Unit, account: AccountId, message: MessageId, action: Action, *, on: bool) -> bool:
    """Delete or archive a message here; with `on` the server is to follow. False: it was so."""
    table = tables.message
    column = table.c.deleted_at if action is Action.DELETE else table.c.archived_at
    done = unit.execute(
        update(table)
        .where(table.c.id == message, column.is_(None))
        .values({column.name: unit.clock.now()})
    )
    if not done.rowcount:
        return False
    if on:
        unit.execute(
            upsert(tables.mirror)
            .values(
                account_id=account,
                message_id=message,
                action=str(action),
                wished_at=unit.clock.now(),
            )
            .on_conflict_do_nothing()
        )
    kind = EventType.MESSAGE_DELETED if action is Action.DELETE else EventType.MESSAGE_ARCHIVED
    unit.emit(kind, account, {"id": message, "mirrored": on})
    return True


def pending(connection: Connection, account: AccountId) -> tuple[Wish, ...]:
    """What is still to be done, in the order it was wished."""
    wish, message, placed = tables.mirror, tables.message, tables.ledger
    query = (
        select(wish, message.c.message_id.label("header"))
        .join(message, message.c.id == wish.c.message_id)
        .where(wish.c.account_id == account)
        .order_by(wish.c.id)
    )
    rows = connection.execute(query).all()
    found = []
    for row in rows:
        where = select(placed.c.folder_id, placed.c.uidvalidity, placed.c.uid).where(
            placed.c.message_id == row.message_id, placed.c.gone_at.is_(None)
        )
        places = tuple(
            (FolderId(folder), UidValidity(generation), Uid(uid))
            for folder, generation, uid in connection.execute(where).all()
        )
        found.append(
            Wish(
                row.id,
                MessageId(row.message_id),
                row.header,
                Action(row.action),
                row.attempts,
                places,
            )
        )
    return tuple(found)


def begun(unit: Unit, wish: Wish) -> None:
    """Note an attempt before it is made: what it leaves behind when cut off is looked for."""
    table = tables.mirror
    unit.execute(update(table).where(table.c.id == wish.id).values(attempts=table.c.attempts + 1))


def settled(unit: Unit, account: AccountId, wish: Wish, trouble: str = "") -> None:
    """It is done, or with `trouble` it never will be, which is announced."""
    unit.execute(delete(tables.mirror).where(tables.mirror.c.id == wish.id))
    if trouble:
        unit.emit(
            EventType.MIRROR_FAILED,
            account,
            {"id": wish.message, "action": str(wish.action), "text": trouble},
        )
