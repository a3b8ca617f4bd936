"""Committed events, read back in their order (P33). They are written by `database.Unit.emit`."""

from __future__ import annotations

from sqlalchemy import Connection, select

from inboxd.model.events import Event, EventType
from inboxd.model.ids import AccountId, EventSeq
from inboxd.store import tables


def after(connection: Connection, seq: int, limit: int, *, historical: bool) -> tuple[Event, ...]:
    """At most `limit` events with a greater number, ascending.

    Events of a history run come only when `historical` asks for them.
    """
    table = tables.event
    query = select(table).where(table.c.seq > seq).order_by(table.c.seq).limit(limit)
    if not historical:
        query = query.where(table.c.historical == 0)
    rows = (connection.execute(query)).all()
    return tuple(
        Event(
            seq=EventSeq(row.seq),
            type=EventType(row.type),
            time=row.time,
            account=None if row.account_id is None else AccountId(row.account_id),
            data=row.data,
            historical=bool(row.historical),
        )
        for row in rows
    )
