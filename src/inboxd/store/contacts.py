"""Contacts and their addresses, with the times that make a snapshot of any moment (P6, P24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.errors import NotFound
from inboxd.model.ids import AddressKey, ContactId
from inboxd.model.views import ContactView, Page
from inboxd.store import tables
from inboxd.store.database import Unit

NORMAL_ADDRESSES = Sequence[tuple[AddressKey, str]]
"""Addresses as their key and as they were given."""


def add(unit: Unit, name: str, addresses: NORMAL_ADDRESSES) -> tuple[ContactId, bool]:
    """Store a contact, or complete one that has one of the addresses.

    Gives the contact and whether anything is new. Importing a file twice adds nothing.
    """
    known = _owner_of(unit.connection, [key for key, _ in addresses])
    now = unit.clock.now()
    if known is None:
        result = unit.execute(insert(tables.contact).values(name=name, added_at=now))
        contact, fresh = ContactId(result.lastrowid), True
    else:
        contact, fresh = known, False
    for key, address in addresses:
        fresh |= _add_address(unit, contact, key, address, now)
    return contact, fresh


def _owner_of(connection: Connection, keys: Sequence[AddressKey]) -> ContactId | None:
    table = tables.contact_address
    query = select(table.c.contact_id).where(
        table.c.address_key.in_(keys), table.c.removed_at.is_(None)
    )
    found = connection.scalar(query.limit(1))
    return None if found is None else ContactId(found)


def _add_address(
    unit: Unit, contact: ContactId, key: AddressKey, address: str, now: datetime
) -> bool:
    table = tables.contact_address
    statement = upsert(table).values(
        contact_id=contact, address_key=key, address=address, added_at=now
    )
    result = unit.execute(
        statement.on_conflict_do_update(
            index_elements=["contact_id", "address_key"],
            set_={"removed_at": None, "added_at": now},
            where=table.c.removed_at.is_not(None),
        )
    )
    return bool(result.rowcount)


def remove(unit: Unit, contact: ContactId) -> None:
    """Take a contact out; a history that began before keeps seeing it. Raises NotFound."""
    now = unit.clock.now()
    table = tables.contact
    result = unit.execute(
        update(table)
        .where(table.c.id == contact, table.c.removed_at.is_(None))
        .values(removed_at=now)
    )
    if not result.rowcount:
        raise NotFound(f"There is no contact {contact}: inboxctl contact list shows them.")
    addresses = tables.contact_address
    unit.execute(
        update(addresses)
        .where(addresses.c.contact_id == contact, addresses.c.removed_at.is_(None))
        .values(removed_at=now)
    )


def page(connection: Connection, after: int, limit: int) -> Page[ContactView]:
    """Contacts by id, `limit` at a time, from the one behind `after`."""
    table = tables.contact
    query = (
        select(table.c.id, table.c.name)
        .where(table.c.removed_at.is_(None), table.c.id > after)
        .order_by(table.c.id)
        .limit(limit + 1)
    )
    rows = (connection.execute(query)).all()
    addresses = _addresses(connection, [row.id for row in rows[:limit]])
    items = tuple(
        ContactView(ContactId(row.id), row.name, tuple(addresses.get(row.id, ())))
        for row in rows[:limit]
    )
    return Page(items, str(items[-1].id) if len(rows) > limit else None)


def _addresses(connection: Connection, contacts: Iterable[int]) -> dict[int, list[str]]:
    table = tables.contact_address
    query = select(table.c.contact_id, table.c.address).where(
        table.c.contact_id.in_(list(contacts)), table.c.removed_at.is_(None)
    )
    found: dict[int, list[str]] = {}
    for contact, address in (connection.execute(query)).all():
        found.setdefault(contact, []).append(address)
    return found


def keys_at(connection: Connection, moment: datetime) -> frozenset[AddressKey]:
    """Every address that belonged to a contact at that moment (P6)."""
    table = tables.contact_address
    query = select(table.c.address_key).where(
        and_(
            table.c.added_at <= moment,
            or_(table.c.removed_at.is_(None), table.c.removed_at > moment),
        )
    )
    return frozenset(AddressKey(key) for key in (connection.scalars(query)).all())
