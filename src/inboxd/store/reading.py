"""Reading stored messages: lists, one message, its raw bytes, a thread (P32)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import zstandard
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from inboxd.model.errors import BadInput, NotFound
from inboxd.model.ids import (
    AccountId,
    AddressKey,
    ContactId,
    FolderName,
    MessageId,
    OwnerId,
    ThreadId,
    Uid,
    UidValidity,
)
from inboxd.model.messages import Address
from inboxd.model.views import LedgerEntry, MessageQuery, MessageView, Page, PlacementView
from inboxd.store import columns, labels, search, tables
from inboxd.store.prepared import Prepared

NEWEST = 50
"""Messages shown of those that share a Message-ID."""

_SUMMARY = select(tables.message, tables.account.c.owner_id).join(
    tables.account, tables.account.c.id == tables.message.c.account_id
)

_SHOWN = (tables.message.c.gone_at.is_(None), tables.message.c.deleted_at.is_(None))
"""Neither gone from the server nor deleted here (P16)."""


_PLACEMENTS = Prepared(
    select(
        tables.ledger.c.message_id,
        tables.folder.c.name,
        tables.ledger.c.uidvalidity,
        tables.ledger.c.uid,
        tables.folder.c.labelled,
    )
    .join(tables.folder, tables.folder.c.id == tables.ledger.c.folder_id)
    .where(
        tables.ledger.c.message_id.in_(bindparam("messages", expanding=True)),
        tables.ledger.c.gone_at.is_(None),
    )
    .order_by(tables.folder.c.name, tables.ledger.c.uid)
)

# A join and not a stored link: a contact added later is linked to old mail at once (P25).
_CONTACTS = Prepared(
    select(tables.message_address.c.message_id, tables.contact_address.c.contact_id)
    .join(
        tables.contact_address,
        tables.contact_address.c.address_key == tables.message_address.c.address_key,
    )
    .where(
        tables.message_address.c.message_id.in_(bindparam("messages", expanding=True)),
        tables.contact_address.c.removed_at.is_(None),
    )
    .distinct()
    .order_by(tables.contact_address.c.contact_id)
)


def page(
    connection: Connection,
    query: MessageQuery,
    *,
    account: AccountId | None,
    contact: AddressKey | None,
) -> Page[MessageView]:
    """Messages that match, newest first, with the cursor of the next page.

    `account` and `contact` are the query's own, resolved. What left the server is hidden (P16).
    Raises BadInput for a cursor that is not ours.
    """
    table = tables.message
    statement = _filtered(_SUMMARY.where(*_SHOWN), query, account, contact)
    if query.cursor is not None:
        moment, last = _read_cursor(query.cursor)
        statement = statement.where(
            or_(
                table.c.internal_date < moment,
                and_(table.c.internal_date == moment, table.c.id < last),
            )
        )
    statement = statement.order_by(table.c.internal_date.desc(), table.c.id.desc())
    rows = (connection.execute(statement.limit(query.limit + 1))).all()
    items = _views(connection, rows[: query.limit])
    if query.search is not None:
        marks = search.marked(connection, query.search, [one.id for one in items])
        items = tuple(replace(one, match=marks.get(one.id, "")) for one in items)
    return Page(items, _cursor(rows[query.limit - 1]) if len(rows) > query.limit else None)


def _filtered(
    statement: Select[Any],
    query: MessageQuery,
    account: AccountId | None,
    contact: AddressKey | None,
) -> Select[Any]:
    table = tables.message
    if account is not None:
        statement = statement.where(table.c.account_id == account)
    if query.since is not None:
        statement = statement.where(table.c.internal_date >= query.since)
    if query.until is not None:
        statement = statement.where(table.c.internal_date < query.until)
    if query.label is not None:
        statement = statement.where(search.under_label(query.label))
    if contact is not None:
        people = tables.message_address
        statement = statement.where(
            exists().where(people.c.message_id == table.c.id, people.c.address_key == contact)
        )
    if query.search is not None:
        statement = statement.where(*search.conditions(query.search))
    return statement


def _cursor(row: Row[Any]) -> str:
    micros = (row.internal_date - columns.EPOCH) // columns.MICROSECOND
    return base64.urlsafe_b64encode(json.dumps([micros, row.id]).encode()).decode()


def _read_cursor(cursor: str) -> tuple[Any, int]:
    try:
        micros, last = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return columns.EPOCH + timedelta(microseconds=int(micros)), int(last)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput("That is not a cursor of this list: leave it out to start anew.") from error


def one(connection: Connection, message: MessageId) -> MessageView:
    """One message, also one that left the server. Raises NotFound."""
    rows = (connection.execute(_SUMMARY.where(tables.message.c.id == message))).all()
    if not rows:
        raise NotFound(f"There is no message {message}.")
    return (_views(connection, rows))[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether and where a stored message still is."""

    message: MessageId
    gone_at: datetime | None
    deleted_at: datetime | None
    labels: tuple[FolderName, ...]


def standing(connection: Connection, message: MessageId) -> Standing:
    """How one message stands, which must exist."""
    return _standings(connection, tables.message.c.id == message, 1)[0]


def by_message_id(
    connection: Connection, account: AccountId, message_id: str
) -> tuple[Standing, ...]:
    """The messages with that Message-ID: it is not unique (P14)."""
    table = tables.message
    named = table.c.message_id == message_id.strip().removeprefix("<").removesuffix(">")
    return _standings(connection, and_(table.c.account_id == account, named), NEWEST)


def by_address(
    connection: Connection, account: AccountId, key: AddressKey, limit: int
) -> tuple[Standing, ...]:
    """The newest messages that somebody takes part in."""
    table, people = tables.message, tables.message_address
    there = exists().where(people.c.message_id == table.c.id, people.c.address_key == key)
    return _standings(connection, and_(table.c.account_id == account, there), limit)


def _standings(
    connection: Connection, which: ColumnElement[bool], limit: int
) -> tuple[Standing, ...]:
    table = tables.message
    query = select(table.c.id, table.c.gone_at, table.c.deleted_at).where(which)
    rows = connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
    shown = _labels(connection, _placements(connection, [row.id for row in rows]))
    return tuple(
        Standing(
            MessageId(row.id),
            row.gone_at,
            row.deleted_at,
            tuple(shown.get(row.id, ())),
        )
        for row in rows
    )


def thread(connection: Connection, thread_id: ThreadId) -> tuple[MessageView, ...]:
    """The messages of a thread, oldest first. Raises NotFound."""
    table = tables.message
    query = _SUMMARY.where(table.c.thread_id == thread_id, *_SHOWN)
    rows = (connection.execute(query.order_by(table.c.internal_date, table.c.id))).all()
    if not rows:
        raise NotFound(f"There is no thread {thread_id}.")
    return _views(connection, rows)


def raw(connection: Connection, message: MessageId) -> bytes:
    """The bytes as the server gave them. Raises NotFound."""
    table = tables.raw
    packed = connection.scalar(select(table.c.zstd).where(table.c.message_id == message))
    if packed is None:
        raise NotFound(f"There is no message {message}.")
    return zstandard.ZstdDecompressor().decompress(packed)


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[MessageView, ...]:
    ids = [row.id for row in rows]
    placements = _placements(connection, ids)
    shown = _labels(connection, placements)
    contacts = _contacts(connection, ids)
    return tuple(
        _view(row, placements.get(row.id, ()), shown.get(row.id, ()), contacts.get(row.id, ()))
        for row in rows
    )


def _view(
    row: Row[Any],
    placements: Sequence[_Placement],
    shown: Sequence[FolderName],
    contacts: Sequence[ContactId],
) -> MessageView:
    return MessageView(
        id=MessageId(row.id),
        account=AccountId(row.account_id),
        owner=OwnerId(row.owner_id),
        subject=row.subject,
        from_=_addresses(row.people.get("from", ())),
        to=_addresses(row.people.get("to", ())),
        cc=_addresses(row.people.get("cc", ())),
        date=row.date,
        internal_date=row.internal_date,
        message_id=row.message_id,
        thread_id=ThreadId(row.thread_id),
        sha256=row.sha256.hex(),
        size=row.size,
        placements=tuple(one.view for one in placements),
        labels=tuple(shown),
        contacts=tuple(contacts),
        visibility=row.visibility,
        historical=bool(row.historical),
        archived=row.archived_at is not None,
        deleted=row.deleted_at is not None,
        snippet=row.snippet,
    )


def _addresses(pairs: Iterable[Sequence[str]]) -> tuple[Address, ...]:
    return tuple(Address(name, address) for name, address in pairs)


@dataclass(frozen=True, slots=True)
class _Placement:
    """Where a message lies, and whether it carries its labels there (Gmail)."""

    view: PlacementView
    labelled: bool


def _labels(
    connection: Connection, placements: Mapping[int, Sequence[_Placement]]
) -> dict[int, list[FolderName]]:
    """The labels of messages: the folders they lie in, or what they carry."""
    carrying = [
        message for message, places in placements.items() if any(one.labelled for one in places)
    ]
    carried = labels.of(connection, carrying) if carrying else {}
    return {
        message: list(
            dict.fromkeys(
                (
                    *(one.view.folder for one in places if not one.labelled),
                    *carried.get(message, ()),
                )
            )
        )
        for message, places in placements.items()
    }


def _placements(connection: Connection, messages: Sequence[int]) -> dict[int, list[_Placement]]:
    found: dict[int, list[_Placement]] = {}
    rows = _PLACEMENTS.among(connection, {}, messages)
    for message, name, uidvalidity, uid, labelled in rows:
        place = PlacementView(FolderName(name), UidValidity(uidvalidity), Uid(uid))
        found.setdefault(message, []).append(_Placement(place, bool(labelled)))
    return found


def _contacts(connection: Connection, messages: Sequence[int]) -> dict[int, list[ContactId]]:
    found: dict[int, list[ContactId]] = {}
    for message, contact in _CONTACTS.among(connection, {}, messages):
        found.setdefault(message, []).append(ContactId(contact))
    return found


def stored_counts(connection: Connection, account: AccountId) -> dict[int, int]:
    """How many placements are stored per folder id."""
    placed, folder = tables.ledger, tables.folder
    query = (
        select(placed.c.folder_id, func.count())
        .join(folder, folder.c.id == placed.c.folder_id)
        .where(
            folder.c.account_id == account,
            placed.c.message_id.is_not(None),
            placed.c.gone_at.is_(None),
        )
        .group_by(placed.c.folder_id)
    )
    return {row[0]: row[1] for row in (connection.execute(query)).all()}


def ledger_page(
    connection: Connection,
    account: AccountId,
    *,
    folder: str | None,
    cursor: str | None,
    limit: int,
) -> Page[LedgerEntry]:
    """Outcomes of an account by folder and UID, what is still on the server only."""
    rows_of, folders = tables.ledger, tables.folder
    key = (rows_of.c.folder_id, rows_of.c.uidvalidity, rows_of.c.uid)
    query = (
        select(*key, folders.c.name, rows_of.c.outcome, rows_of.c.reason, rows_of.c.message_id)
        .join(folders, folders.c.id == rows_of.c.folder_id)
        .where(folders.c.account_id == account, rows_of.c.gone_at.is_(None))
        .order_by(*key)
        .limit(limit + 1)
    )
    if folder is not None:
        query = query.where(folders.c.name == folder)
    if cursor is not None:
        query = query.where(tuple_(*key) > tuple_(*_read_ledger_cursor(cursor)))
    rows = (connection.execute(query)).all()
    items = tuple(
        LedgerEntry(
            folder=FolderName(row.name),
            uidvalidity=UidValidity(row.uidvalidity),
            uid=Uid(row.uid),
            outcome=row.outcome,
            reason=row.reason,
        )
        for row in rows[:limit]
    )
    last = rows[limit - 1] if len(rows) > limit else None
    following = None if last is None else f"{last.folder_id}.{last.uidvalidity}.{last.uid}"
    return Page(items, following)


def _read_ledger_cursor(cursor: str) -> tuple[int, int, int]:
    parts = cursor.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise BadInput("That is not a cursor of this list: leave it out to start anew.")
    folder, uidvalidity, uid = (int(part) for part in parts)
    return folder, uidvalidity, uid
