"""The ledger: for every UID in scope exactly one outcome, and what left the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, FolderId, MessageId, Uid, UidValidity
from inboxd.model.server import UidSet
from inboxd.store import tables
from inboxd.store.database import Unit
from inboxd.store.prepared import Prepared

CHUNK = 500
"""Bound parameters per statement: far below SQLite's 32,766, and one cached statement."""


class Outcome(StrEnum):
    """What became of a UID."""

    STORED = "stored"
    SKIPPED = "skipped"
    QUARANTINED = "quarantined"


class Reason(StrEnum):
    """Why a UID is not stored."""

    BEFORE_START = "before_start"
    """Older than the start date (P3)."""
    NOT_A_CONTACT = "not_a_contact"
    """Nobody in its header was a contact when Sync was pressed (P6)."""
    NOT_CHOSEN = "not_chosen"
    """It came while its label was not chosen (P12)."""
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    NOT_GIVEN = "not_given"
    """Listed, but the server does not hand it out."""
    UNREADABLE = "unreadable"
    """Its bytes could not be stored as a message."""


_SKIP = Prepared(
    upsert(tables.ledger).values(outcome=str(Outcome.SKIPPED)).on_conflict_do_nothing(),
    ["folder_id", "uidvalidity", "uid", "outcome", "reason"],
)


def skip(
    unit: Unit, folder: FolderId, uidvalidity: UidValidity, decided: Iterable[tuple[Uid, Reason]]
) -> None:
    """Write down why UIDs are not stored. What is stored already stays stored."""
    _SKIP.each(
        unit.connection,
        [
            {"folder_id": folder, "uidvalidity": uidvalidity, "uid": uid, "reason": reason.value}
            for uid, reason in decided
        ],
    )


def forget(
    unit: Unit, folder: FolderId, uidvalidity: UidValidity, among: UidSet, reason: Reason
) -> int:
    """UIDs left out for that reason have no outcome any more; gives how many."""
    table, forgotten = tables.ledger, 0
    for first, last in among.intervals:
        result = unit.execute(
            delete(table).where(
                table.c.folder_id == folder,
                table.c.uidvalidity == uidvalidity,
                table.c.uid.between(first, last),
                table.c.reason == str(reason),
            )
        )
        forgotten += result.rowcount
    return forgotten


def quarantine(
    unit: Unit,
    folder: FolderId,
    uidvalidity: UidValidity,
    uid: Uid,
    *,
    reason: Reason,
    error: str,
    zstd: bytes | None,
) -> None:
    """Set one bad message aside so that its folder goes on (P17)."""
    where = {"folder_id": folder, "uidvalidity": uidvalidity, "uid": uid}
    unit.execute(
        upsert(tables.ledger)
        .values(**where, outcome=str(Outcome.QUARANTINED), reason=str(reason))
        .on_conflict_do_nothing()
    )
    now = unit.clock.now()
    statement = upsert(tables.quarantine).values(
        **where, error=error, zstd=zstd, attempts=1, first_at=now, last_at=now
    )
    unit.execute(
        statement.on_conflict_do_update(
            index_elements=list(where),
            set_={"error": error, "attempts": tables.quarantine.c.attempts + 1, "last_at": now},
        )
    )


def decided(connection: Connection, folder: FolderId, uidvalidity: UidValidity) -> UidSet:
    """Every UID that has an outcome, whether it is still on the server or not."""
    return _uids(connection, folder, uidvalidity)


def present(connection: Connection, folder: FolderId, uidvalidity: UidValidity) -> UidSet:
    """Every UID with an outcome that was still on the server when last looked."""
    return _uids(connection, folder, uidvalidity, tables.ledger.c.gone_at.is_(None))


def stored(connection: Connection, folder: FolderId, uidvalidity: UidValidity) -> UidSet:
    """Every UID that is a stored message's placement, still on the server or not."""
    return _uids(connection, folder, uidvalidity, tables.ledger.c.message_id.is_not(None))


def skipped(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity, reason: Reason
) -> UidSet:
    """Every UID that is left out for that reason."""
    return _uids(connection, folder, uidvalidity, tables.ledger.c.reason == str(reason))


def _uids(
    connection: Connection,
    folder: FolderId,
    uidvalidity: UidValidity,
    only: ColumnElement[bool] | None = None,
) -> UidSet:
    # Runs of consecutive UIDs are found in SQL (the gaps-and-islands query): 100,000 rows become
    # a few intervals before they reach Python.
    table = tables.ledger
    rank = func.row_number().over(order_by=table.c.uid)
    numbered = select(table.c.uid, (table.c.uid - rank).label("island")).where(
        table.c.folder_id == folder, table.c.uidvalidity == uidvalidity
    )
    if only is not None:
        numbered = numbered.where(only)
    rows = numbered.subquery()
    query = select(func.min(rows.c.uid), func.max(rows.c.uid)).group_by(rows.c.island)
    return UidSet((first, last) for first, last in (connection.execute(query)).all())


def counts(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity
) -> dict[Outcome, int]:
    """How many UIDs that are on the server have which outcome."""
    table = tables.ledger
    query = (
        select(table.c.outcome, func.count())
        .where(
            table.c.folder_id == folder,
            table.c.uidvalidity == uidvalidity,
            table.c.gone_at.is_(None),
        )
        .group_by(table.c.outcome)
    )
    return {Outcome(row[0]): row[1] for row in (connection.execute(query)).all()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    outcome: Outcome
    reason: Reason | None
    message: MessageId | None
    gone_at: datetime | None


def entry(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity, uid: Uid
) -> Entry | None:
    """What became of one UID; None where nothing has yet."""
    table = tables.ledger
    query = select(table.c.outcome, table.c.reason, table.c.message_id, table.c.gone_at).where(
        table.c.folder_id == folder, table.c.uidvalidity == uidvalidity, table.c.uid == uid
    )
    row = (connection.execute(query)).one_or_none()
    if row is None:
        return None
    return Entry(
        Outcome(row.outcome),
        None if row.reason is None else Reason(row.reason),
        None if row.message_id is None else MessageId(row.message_id),
        row.gone_at,
    )


def mark_gone(
    unit: Unit,
    account: AccountId,
    folder: FolderId,
    uidvalidity: UidValidity,
    gone: UidSet,
    *,
    moved: bool = False,
) -> int:
    """UIDs have left the server; gives how many messages have no place there any more (P16).

    A message that still lies elsewhere has only changed (archived on the server: P16). `moved`:
    it lies in the same folder under another UID, which is no change that anybody is told of.
    """
    touched: set[int] = set()
    uids = list(gone)
    table = tables.ledger
    for start in range(0, len(uids), CHUNK):
        rows = unit.execute(
            update(table)
            .where(
                table.c.folder_id == folder,
                table.c.uidvalidity == uidvalidity,
                table.c.uid.in_(uids[start : start + CHUNK]),
                table.c.gone_at.is_(None),
            )
            .values(gone_at=unit.clock.now())
            .returning(table.c.message_id)
        )
        touched.update(row.message_id for row in rows.all() if row.message_id is not None)
    homeless = touched - _still_placed(unit.connection, sorted(touched))
    _hide(unit, sorted(homeless))
    for message in sorted(homeless if moved else touched):
        kind = EventType.MESSAGE_GONE if message in homeless else EventType.MESSAGE_CHANGED
        unit.emit(kind, account, {"id": message})
    return len(homeless)


def placements_by_likeness(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity
) -> list[tuple[MessageId, tuple[datetime, int]]]:
    """The stored messages of one generation of a folder with INTERNALDATE and size."""
    table, message = tables.ledger, tables.message
    query = (
        select(message.c.id, message.c.internal_date, message.c.size)
        .join(table, table.c.message_id == message.c.id)
        .where(table.c.folder_id == folder, table.c.uidvalidity == uidvalidity)
        .where(table.c.gone_at.is_(None))
    )
    rows = (connection.execute(query)).all()
    return [(MessageId(row.id), (row.internal_date, row.size)) for row in rows]


def _still_placed(connection: Connection, messages: Sequence[int]) -> set[int]:
    table = tables.ledger
    placed: set[int] = set()
    for start in range(0, len(messages), CHUNK):
        query = select(table.c.message_id).where(
            table.c.message_id.in_(messages[start : start + CHUNK]), table.c.gone_at.is_(None)
        )
        placed.update((connection.scalars(query)).all())
    return placed


def _hide(unit: Unit, messages: Sequence[int]) -> None:
    table = tables.message
    for start in range(0, len(messages), CHUNK):
        unit.execute(
            update(table)
            .where(table.c.id.in_(messages[start : start + CHUNK]))
            .values(gone_at=unit.clock.now())
        )


_ledger_row = upsert(tables.ledger)

_PLACE = Prepared(
    _ledger_row.on_conflict_do_update(
        index_elements=["folder_id", "uidvalidity", "uid"],
        set_={
            name: _ledger_row.excluded[name]
            for name in ("outcome", "reason", "message_id", "gone_at")
        },
    ),
    ["folder_id", "uidvalidity", "uid", "outcome", "message_id"],
)

_STORED_BETWEEN = Prepared(
    select(tables.ledger.c.uid).where(
        tables.ledger.c.folder_id == bindparam("folder"),
        tables.ledger.c.uidvalidity == bindparam("generation"),
        tables.ledger.c.uid.between(bindparam("first"), bindparam("last")),
        tables.ledger.c.message_id.is_not(None),
    )
)


def place(
    unit: Unit,
    folder: FolderId,
    uidvalidity: UidValidity,
    placements: Sequence[tuple[Uid, MessageId]],
) -> None:
    """These UIDs are those stored messages, whatever their outcome was before (a re-sync)."""
    _PLACE.each(
        unit.connection,
        [
            {
                "folder_id": folder,
                "uidvalidity": uidvalidity,
                "uid": uid,
                "outcome": str(Outcome.STORED),
                "message_id": message,
            }
            for uid, message in placements
        ],
    )


def stored_among(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity, uids: Sequence[Uid]
) -> frozenset[Uid]:
    """Which of these UIDs are stored already."""
    asked = {
        "folder": folder,
        "generation": uidvalidity,
        "first": min(uids, default=0),
        "last": max(uids, default=0),
    }
    between = {uid for (uid,) in _STORED_BETWEEN.rows(connection, asked)}
    return frozenset(uid for uid in uids if uid in between)
