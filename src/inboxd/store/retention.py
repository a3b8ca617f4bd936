"""How long mail stays here after it was deleted on the server (P16)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, select, text, update

from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, OwnerId
from inboxd.store import owners, tables
from inboxd.store.database import Unit

BATCH = 500
"""Messages purged in one transaction: deleting their words from the index takes the writer's
time."""

_WORDS_OF = (
    "INSERT INTO message_fts (message_fts, rowid, subject, people, body) "
    "SELECT 'delete', t.message_id, t.subject, t.people, t.body FROM message_text AS t "
)
_FORGET_ACCOUNT = text(
    _WORDS_OF + "JOIN message AS m ON m.id = t.message_id WHERE m.account_id = :account"
)
_FORGET_MESSAGES = text(_WORDS_OF + "WHERE t.message_id IN :messages").bindparams(
    bindparam("messages", expanding=True)
)
_CLEAN_INDEX = text("INSERT INTO message_fts (message_fts) VALUES ('optimize')")


def expire(unit: Unit, account: AccountId) -> int:
    """Purge what was deleted on the server longer ago than its owner keeps it; how many."""
    table = tables.message
    owner = unit.connection.scalar(
        select(tables.account.c.owner_id).where(tables.account.c.id == account)
    )
    kept = owners.settings(unit.connection, OwnerId(str(owner))).kept_when_deleted
    if kept is None:
        return 0
    query = (
        select(table.c.id)
        .where(table.c.account_id == account, table.c.gone_at <= unit.clock.now() - kept)
        .limit(BATCH)
    )
    ids = list(unit.connection.scalars(query).all())
    if ids:
        _purge(unit, account, ids)
    return len(ids)


def _purge(unit: Unit, account: AccountId, ids: Sequence[int]) -> None:
    # The index has no text of its own: it forgets a row by being told once more what was in it,
    # and so before that is gone.
    unit.execute(_FORGET_MESSAGES, {"messages": list(ids)})
    unit.execute(delete(tables.message).where(tables.message.c.id.in_(ids)))
    event = tables.event
    unit.execute(
        update(event)
        .where(
            event.c.account_id == account,
            func.json_extract(event.c.data, "$.id").in_(ids),
        )
        .values(data={"purged": True})
    )
    for one in ids:
        unit.emit(EventType.MESSAGE_PURGED, account, {"id": one})


def purge_account(unit: Unit, account: AccountId) -> None:
    """Delete an account with all that belongs to it (P19).

    Its events keep their numbers, which must have no gap (P33), and lose what they told. What
    the file still holds of all this goes with `Database.shrink`.
    """
    unit.execute(_FORGET_ACCOUNT, {"account": account})
    theirs = select(tables.account.c.owner_id).where(tables.account.c.id == account)
    owner = OwnerId(str(unit.connection.scalar(theirs)))
    unit.execute(delete(tables.account).where(tables.account.c.id == account))
    _forget_owner(unit, owner)
    unit.execute(
        update(tables.event)
        .where(tables.event.c.account_id == account)
        .values(data={"purged": True})
    )
    # Deleted words stay in the index's older segments until these are merged.
    unit.execute(_CLEAN_INDEX)


def _forget_owner(unit: Unit, owner: OwnerId) -> None:
    """Forget who has no account any more: an owner's name may be their address."""
    theirs = tables.account.c.owner_id == owner
    if unit.connection.scalar(select(func.count()).where(theirs)):
        return
    unit.execute(delete(tables.owner).where(tables.owner.c.id == owner))
    event = tables.event
    unit.execute(
        update(event)
        .where(
            event.c.type == str(EventType.SETTINGS_CHANGED),
            func.json_extract(event.c.data, "$.owner") == owner,
        )
        .values(data={"purged": True})
    )
