"""Messages that were set aside: listed, looked at, let go (P17)."""

from __future__ import annotations

from typing import Any

import zstandard
from sqlalchemy import Connection, Row, delete, select

from inboxd.model.errors import BadInput, NotFound
from inboxd.model.ids import AccountId, FolderId, FolderName, Uid, UidValidity
from inboxd.model.proof import Quarantined
from inboxd.store import tables
from inboxd.store.database import Unit

_set_aside, _ledger, _folder = tables.quarantine, tables.ledger, tables.folder

Key = tuple[FolderId, UidValidity, Uid]

_QUERY = (
    select(
        _set_aside,
        _folder.c.name,
        _folder.c.account_id,
        _ledger.c.reason,
    )
    .join(_folder, _folder.c.id == _set_aside.c.folder_id)
    .join(
        _ledger,
        (_ledger.c.folder_id == _set_aside.c.folder_id)
        & (_ledger.c.uidvalidity == _set_aside.c.uidvalidity)
        & (_ledger.c.uid == _set_aside.c.uid),
    )
    .where(_ledger.c.outcome == "quarantined")
    .order_by(_set_aside.c.folder_id, _set_aside.c.uidvalidity, _set_aside.c.uid)
)


def key_of(text: str) -> Key:
    """The parts of an id as `list` shows it. Raises BadInput."""
    parts = text.split(".")
    if len(parts) != 3 or not all(p.isascii() and p.isdecimal() and len(p) < 19 for p in parts):
        raise BadInput(
            f"{text!r} is no id of the quarantine: inboxctl quarantine list shows them."
        )
    folder, uidvalidity, uid = (int(part) for part in parts)
    return FolderId(folder), UidValidity(uidvalidity), Uid(uid)


def everything(connection: Connection, account: AccountId | None) -> tuple[Quarantined, ...]:
    """All that is set aside, of one account or of all."""
    query = _QUERY if account is None else _QUERY.where(_folder.c.account_id == account)
    return tuple(_view(row) for row in (connection.execute(query)).all())


def one(connection: Connection, key: Key) -> Quarantined:
    """One of them. Raises NotFound."""
    row = connection.execute(_QUERY.where(*_is(key))).one_or_none()
    if row is None:
        raise NotFound("That is not in quarantine: inboxctl quarantine list shows what is.")
    return _view(row)


def raw(connection: Connection, key: Key) -> bytes:
    """The bytes as the server gave them. Raises NotFound where it never gave any."""
    one(connection, key)
    packed = connection.scalar(select(_set_aside.c.zstd).where(*_is(key)))
    if packed is None:
        raise NotFound("The server never handed out its bytes: try quarantine retry.")
    return zstandard.ZstdDecompressor().decompress(packed)


def release(unit: Unit, key: Key) -> None:
    """Forget that it was set aside, now that it is stored."""
    unit.execute(delete(_set_aside).where(*_is(key)))


def _is(key: Key) -> tuple[Any, ...]:
    folder, uidvalidity, uid = key
    table = _set_aside
    return table.c.folder_id == folder, table.c.uidvalidity == uidvalidity, table.c.uid == uid


def _view(row: Row[Any]) -> Quarantined:
    return Quarantined(
        id=f"{row.folder_id}.{row.uidvalidity}.{row.uid}",
        account=row.account_id,
        folder=FolderName(row.name),
        uidvalidity=UidValidity(row.uidvalidity),
        uid=Uid(row.uid),
        reason=row.reason,
        error=row.error,
        attempts=row.attempts,
        first_at=row.first_at,
        last_at=row.last_at,
        has_raw=row.zstd is not None,
    )
