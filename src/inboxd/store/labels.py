"""The labels that Gmail gives each message; elsewhere its placements' folders are its labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, FolderId, FolderName, MessageId, Uid, UidValidity
from inboxd.model.labels import label_names
from inboxd.model.server import Labelled
from inboxd.store import folders, tables
from inboxd.store.database import Unit
from inboxd.store.ledger import CHUNK
from inboxd.store.prepared import Prepared

_table = tables.message_label

_CARRIED = Prepared(
    select(_table.c.message_id, _table.c.name)
    .where(_table.c.message_id.in_(bindparam("messages", expanding=True)))
    .order_by(_table.c.name)
)
_INSERT = Prepared(insert(_table))
_DELETE = Prepared(
    delete(_table).where(
        _table.c.message_id == bindparam("message_id"), _table.c.name == bindparam("name")
    )
)


def of(connection: Connection, messages: Sequence[int]) -> dict[int, list[FolderName]]:
    """The labels that messages carry, by name."""
    found: dict[int, list[FolderName]] = {}
    for message, name in _CARRIED.among(connection, {}, messages):
        found.setdefault(message, []).append(FolderName(name))
    return found


def put(unit: Unit, account: AccountId, carried: Mapping[MessageId, Iterable[str]]) -> set[int]:
    """Make these the labels of messages; gives those whose labels it changed."""
    known = folders.of_account(unit.connection, account)
    listed = [folder for folder in known if folder.listed]
    names = {message: label_names(labels, listed) for message, labels in carried.items()}
    before = of(unit.connection, list(names))
    add: list[tuple[MessageId, FolderName]] = []
    drop: list[tuple[MessageId, FolderName]] = []
    for message, now in names.items():
        had = set(before.get(message, ()))
        add += [(message, name) for name in sorted(now - had)]
        drop += [(message, name) for name in sorted(had - now)]
    _INSERT.each(unit.connection, _rows(add))
    _DELETE.each(unit.connection, _rows(drop))
    return {message for message, _ in (*add, *drop)}


def _rows(pairs: Iterable[tuple[MessageId, FolderName]]) -> list[dict[str, object]]:
    return [{"message_id": message, "name": name} for message, name in pairs]


def follow(unit: Unit, account: AccountId, carried: Mapping[MessageId, Iterable[str]]) -> None:
    """As `put`, and tell of what changed."""
    for message in sorted(put(unit, account, carried)):
        unit.emit(EventType.MESSAGE_CHANGED, account, {"id": message})


def rename(unit: Unit, account: AccountId, before: FolderName, after: FolderName) -> None:
    """The server calls a label something else now."""
    mine = select(tables.message.c.id).where(tables.message.c.account_id == account)
    unit.execute(
        update(_table)
        .where(_table.c.name == before, _table.c.message_id.in_(mine))
        .values(name=after)
    )


def stored_among(
    connection: Connection, folder: FolderId, uidvalidity: UidValidity, told: Collection[Labelled]
) -> dict[Uid, MessageId]:
    """The messages of a folder that are stored, of those told of."""
    rows, uids = tables.ledger, [one.uid for one in told]
    found: dict[Uid, MessageId] = {}
    for start in range(0, len(uids), CHUNK):
        query = select(rows.c.uid, rows.c.message_id).where(
            rows.c.folder_id == folder,
            rows.c.uidvalidity == uidvalidity,
            rows.c.uid.in_(uids[start : start + CHUNK]),
            rows.c.message_id.is_not(None),
        )
        for uid, message in connection.execute(query).all():
            found[Uid(uid)] = MessageId(message)
    return found
