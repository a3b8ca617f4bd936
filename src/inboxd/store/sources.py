"""Where contacts are pulled from, with what opens it (P24)."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.errors import NotFound
from inboxd.model.views import SourceView
from inboxd.store import tables
from inboxd.store.database import Unit

_source = tables.contact_source


def everything(connection: Connection) -> tuple[SourceView, ...]:
    """All sources by name; never what opens them."""
    query = select(_source).order_by(_source.c.name)
    return tuple(
        SourceView(row.name, row.url, row.set_at, row.pulled_at, row.trouble)
        for row in connection.execute(query).all()
    )


def access(connection: Connection, name: str) -> tuple[str, bytes]:
    """Where a source is and its sealed token. Raises NotFound."""
    query = select(_source.c.url, _source.c.sealed_token).where(_source.c.name == name)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _unknown(name)
    return row.url, row.sealed_token


def put(unit: Unit, name: str, url: str, sealed: bytes) -> None:
    """Set a source that was just pulled from, or replace it."""
    now = unit.clock.now()
    values = {"url": url, "sealed_token": sealed, "set_at": now, "pulled_at": now, "trouble": ""}
    statement = upsert(_source).values(name=name, **values)
    unit.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def note(unit: Unit, name: str, trouble: str) -> None:
    """Keep how the last pull ended; empty: well."""
    values: dict[str, object] = {"trouble": trouble}
    if not trouble:
        values["pulled_at"] = unit.clock.now()
    unit.execute(update(_source).where(_source.c.name == name).values(**values))


def remove(unit: Unit, name: str) -> None:
    """Forget a source and its token. Raises NotFound."""
    if not unit.execute(delete(_source).where(_source.c.name == name)).rowcount:
        raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no contact source {name!r}: contact source list shows all.")
