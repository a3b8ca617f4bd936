"""Owners and their general settings (P21)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.errors import NotFound
from inboxd.model.ids import AccountId, AddressKey, OwnerId
from inboxd.model.settings import Blocks, Settings, Terms, changed, differing
from inboxd.store import columns, tables
from inboxd.store.database import Unit

_setting = tables.owner_setting


def settings_column(owner_id: ColumnElement[str]) -> ScalarSelect[Any]:
    """All of an owner's settings as one JSON object, for queries that need them with each row."""
    pairs = func.json_group_object(
        _setting.c.name, func.json(_setting.c.value), type_=columns.Json
    )
    return select(pairs).where(_setting.c.owner_id == owner_id).scalar_subquery()


def settings_of(value: dict[str, Any] | None) -> Settings:
    """What `settings_column` gave, as settings."""
    return changed(Settings(), value or {})


def ensure(unit: Unit, owner: OwnerId) -> None:
    """Know this owner from now on."""
    unit.execute(upsert(tables.owner).values(id=owner).on_conflict_do_nothing())


def everyone(connection: Connection) -> tuple[OwnerId, ...]:
    """All owners."""
    query = select(tables.owner.c.id).order_by(tables.owner.c.id)
    return tuple(OwnerId(one) for one in (connection.scalars(query)).all())


def settings(connection: Connection, owner: OwnerId) -> Settings:
    """An owner's settings. Raises NotFound."""
    query = select(settings_column(tables.owner.c.id)).where(tables.owner.c.id == owner)
    row: Row[Any] | None = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no owner {owner!r}: inboxctl account list shows them.")
    return settings_of(row[0])


def set_settings(unit: Unit, owner: OwnerId, chosen: Settings) -> None:
    """Store what differs from the defaults."""
    unit.execute(delete(_setting).where(_setting.c.owner_id == owner))
    unit.execute_many(
        insert(_setting),
        [
            {"owner_id": owner, "name": name, "value": value}
            for name, value in differing(chosen).items()
        ],
    )


def accounts_of(connection: Connection, owner: OwnerId) -> tuple[tuple[AccountId, str], ...]:
    """The owner's accounts that are not removed, each with its address."""
    table = tables.account
    query = (
        select(table.c.id, table.c.address)
        .where(table.c.owner_id == owner, table.c.removed_at.is_(None))
        .order_by(table.c.id)
    )
    return tuple((AccountId(row.id), row.address) for row in (connection.execute(query)).all())


def terms(connection: Connection, account: AccountId) -> Terms:
    """How mail comes into an account now (P21, P22)."""
    table = tables.account
    owner = connection.scalar(select(table.c.owner_id).where(table.c.id == account))
    chosen = settings(connection, OwnerId(str(owner)))
    if not chosen.blocked:
        return Terms(chosen.visibility)
    own = connection.scalars(select(table.c.address_key).where(table.c.owner_id == owner)).all()
    keys = frozenset(AddressKey(key) for key in own)
    return Terms(chosen.visibility, Blocks(frozenset(chosen.blocked), chosen.strict, keys))
