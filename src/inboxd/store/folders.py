"""Folders of an account, their live cursors, and the spans of UIDs that are in scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.ids import AccountId, FolderId, FolderName, ModSeq, Uid, UidValidity, WireName
from inboxd.model.server import MAX_UID, ListedFolder, SpecialUse, UidSet
from inboxd.store import tables
from inboxd.store.database import Unit
from inboxd.store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder as stored."""

    id: FolderId
    wire_name: WireName
    name: FolderName
    separator: str
    special_use: SpecialUse | None
    selectable: bool
    listed: bool
    uidvalidity: UidValidity | None
    uidnext: Uid | None
    """As last seen on the server, whether the folder is watched or not."""
    messages: int | None
    next_uid: Uid | None
    """The live cursor: every UID below it has an outcome or is out of scope. None: not watched."""
    settled_change: int | None = None
    """The newest change of labels that its mail went by; None: none ever."""
    labelled: bool = False
    """It holds all mail, and each message carries its labels (Gmail)."""
    modseq: ModSeq | None = None
    """Up to here the labels of its messages are known (RFC 7162)."""


def of_account(connection: Connection, account: AccountId) -> tuple[Folder, ...]:
    """All folders ever listed for an account, by name."""
    table = tables.folder
    query = select(table).where(table.c.account_id == account).order_by(table.c.name)
    return tuple(_folder(row) for row in (connection.execute(query)).all())


def _folder(row: Row[Any]) -> Folder:
    return Folder(
        id=FolderId(row.id),
        wire_name=WireName(row.wire_name),
        name=FolderName(row.name),
        separator=row.separator,
        special_use=None if row.special_use is None else SpecialUse(row.special_use),
        selectable=bool(row.selectable),
        listed=bool(row.listed),
        uidvalidity=None if row.uidvalidity is None else UidValidity(row.uidvalidity),
        uidnext=None if row.uidnext is None else Uid(row.uidnext),
        messages=row.messages,
        next_uid=None if row.next_uid is None else Uid(row.next_uid),
        settled_change=row.settled_change,
        labelled=bool(row.labelled),
        modseq=None if row.modseq is None else ModSeq(row.modseq),
    )


def record_listing(unit: Unit, account: AccountId, listing: Iterable[ListedFolder]) -> None:
    """Bring the folder table in line with what LIST said; nothing is deleted."""
    table = tables.folder
    unit.execute(update(table).where(table.c.account_id == account).values(listed=0))
    rows = [
        {
            "account_id": account,
            "wire_name": one.wire_name,
            "name": one.name,
            "separator": one.separator,
            "special_use": None if one.special_use is None else str(one.special_use),
            "selectable": int(one.selectable),
            "listed": 1,
            "labelled": int(one.labelled),
        }
        for one in listing
    ]
    statement = upsert(table)
    changed = ("name", "separator", "special_use", "selectable", "listed", "labelled")
    unit.execute_many(
        statement.on_conflict_do_update(
            index_elements=["account_id", "wire_name"],
            set_={column: statement.excluded[column] for column in changed},
        ),
        rows,
    )


def record_statuses(unit: Unit, account: AccountId, listing: Iterable[ListedFolder]) -> None:
    """Remember what STATUS said, for folders that nothing is known of yet."""
    table = tables.folder
    for one in listing:
        if one.status is not None:
            unit.execute(
                update(table)
                .where(
                    table.c.account_id == account,
                    table.c.wire_name == one.wire_name,
                    table.c.next_uid.is_(None),
                )
                .values(
                    uidvalidity=one.status.uidvalidity,
                    uidnext=one.status.uidnext,
                    messages=one.status.messages,
                )
            )


def change(unit: Unit, folder: FolderId, **values: Any) -> None:  # noqa: ANN401 - columns
    """Set columns of one folder."""
    table = tables.folder
    unit.execute(update(table).where(table.c.id == folder).values(**values))


_MOVE_CURSOR = Prepared(
    update(tables.folder)
    .where(tables.folder.c.id == bindparam("folder"))
    .values(next_uid=bindparam("following"))
)


def move_live_cursor(unit: Unit, folder: FolderId, following: Uid) -> None:
    """Every UID below `following` has its outcome; in the transaction that holds them."""
    _MOVE_CURSOR.each(unit.connection, [{"folder": folder, "following": following}])


def open_span(
    unit: Unit,
    folder: FolderId,
    uidvalidity: UidValidity,
    first: Uid,
    modseq: ModSeq | None,
) -> None:
    """From `first` on, every UID is in scope and the live cursor's to fetch.

    `modseq`: the folder's HIGHESTMODSEQ now; changes of labels are followed from here.
    """
    unit.execute(
        insert(tables.span).values(
            folder_id=folder, uidvalidity=uidvalidity, live=1, first_uid=first, last_uid=None
        )
    )
    change(unit, folder, uidvalidity=uidvalidity, next_uid=first, modseq=modseq)


def close_span(unit: Unit, folder: FolderId, last: int) -> None:
    """The folder is watched no more; what came up to `last` stays in scope."""
    table = tables.span
    unit.execute(
        update(table)
        .where(table.c.folder_id == folder, table.c.last_uid.is_(None))
        .values(last_uid=last)
    )
    change(unit, folder, next_uid=None)


def add_span(
    unit: Unit, folder: FolderId, uidvalidity: UidValidity, first: int, last: int
) -> None:
    """A closed range of UIDs comes into scope (a history)."""
    if first <= last:
        unit.execute(
            insert(tables.span).values(
                folder_id=folder, uidvalidity=uidvalidity, live=0, first_uid=first, last_uid=last
            )
        )


def live_scope(connection: Connection, folder: FolderId, uidvalidity: UidValidity) -> UidSet:
    """The UIDs of that generation that are, or were, the live cursor's to fetch."""
    return _scope(connection, folder, uidvalidity, live=True)


def whole_scope(connection: Connection, folder: FolderId, uidvalidity: UidValidity) -> UidSet:
    """All UIDs of that generation of the folder that must have an outcome."""
    return _scope(connection, folder, uidvalidity, live=None)


def _scope(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity, *, live: bool | None
) -> UidSet:
    table = tables.span
    query = select(table.c.first_uid, func.coalesce(table.c.last_uid, MAX_UID)).where(
        table.c.folder_id == folder, table.c.uidvalidity == uidvalidity
    )
    if live is not None:
        query = query.where(table.c.live == int(live))
    pairs = (connection.execute(query)).all()
    return UidSet((first, last) for first, last in pairs if first <= last)


def rename(unit: Unit, folder: FolderId, listed: ListedFolder) -> None:
    """The server calls the folder something else now; its UIDs and cursors stay."""
    change(unit, folder, wire_name=listed.wire_name, name=listed.name)
