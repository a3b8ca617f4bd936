"""The writer, the schema, and what happens when the disk or another program is in the way."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from sqlalchemy import create_engine, text

from inboxd.clock import SystemClock
from inboxd.model.errors import StoreTooNew, StoreUnavailable
from inboxd.model.ids import OwnerId
from inboxd.store import owners
from inboxd.store.database import Unit, open_database
from inboxd.store.migrations import upgrade
from unit.store.conftest import Shelf


def set_pragma(unit: Unit, setting: str) -> None:
    unit.execute(text(f"PRAGMA {setting}")).close()


def schema_of(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name != 'alembic_version' ORDER BY name"
        ).fetchall()
    connection.close()
    return [(name, " ".join(sql.split())) for name, sql in rows]


def shape_of(path: Path) -> dict[str, object]:
    """What a schema means, however its statements are spelled: columns, keys, indexes."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "SELECT name, strict, wr FROM pragma_table_list WHERE type = 'table' "
            "AND name NOT LIKE 'sqlite_%' AND name != 'alembic_version'"
        ).fetchall()
        shape: dict[str, object] = {
            name: (
                (strict, without_rowid),
                # The position of a column is no part of it: a migration can only append.
                {row[1:] for row in connection.execute(f"PRAGMA table_info('{name}')")},
                {row[2:] for row in connection.execute(f"PRAGMA foreign_key_list('{name}')")},
                {
                    (index[1].startswith("sqlite_") or index[1], *index[2:], str(columns))
                    for index in connection.execute(f"PRAGMA index_list('{name}')")
                    for columns in [
                        [row[2] for row in connection.execute(f"PRAGMA index_info('{index[1]}')")]
                    ]
                },
            )
            for name, strict, without_rowid in tables
        }
    connection.close()
    return shape


async def test_a_new_database_and_a_migrated_one_have_the_same_schema(tmp_path: Path) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    async with open_database(new, SystemClock(), lambda _seq: None):
        pass
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
    connection.close()
    async with open_database(old, SystemClock(), lambda _seq: None):
        pass
    assert shape_of(old) == shape_of(new)


def test_a_migration_keeps_what_was_there(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
        upgrade(connection, "0001")
        connection.exec_driver_sql("INSERT INTO owner VALUES ('anna', 'Asia/Tokyo', 'shared')")
        upgrade(connection)
        anna = owners.settings(connection, OwnerId("anna"))
    engine.dispose()
    assert (anna.time_zone, anna.visibility) == ("Asia/Tokyo", "shared")


async def test_a_newer_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "inboxd.db"
    async with open_database(path, SystemClock(), lambda _seq: None):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreTooNew, match="newer inboxd"):
        async with open_database(path, SystemClock(), lambda _seq: None):
            pass


async def test_every_table_is_strict(shelf: Shelf) -> None:
    for name, sql in schema_of(shelf.path):
        if sql.startswith("CREATE TABLE") and "fts" not in name and "sqlite_" not in name:
            assert sql.endswith(("STRICT", "STRICT, WITHOUT ROWID", "WITHOUT ROWID, STRICT")), name


async def test_a_reader_cannot_write(shelf: Shelf) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await shelf.database.read(lambda connection: connection.execute(text("DELETE FROM event")))


async def test_a_cancelled_caller_leaves_no_half_written_unit(shelf: Shelf) -> None:
    def rename(unit: Unit) -> None:
        unit.execute(text("UPDATE account SET address = 'new@example.org'"))

    with anyio.CancelScope() as scope:
        scope.cancel()
        await shelf.database.write(rename)
    await shelf.database.write(lambda _unit: None)
    address = await shelf.database.read(
        lambda connection: connection.scalar(text("SELECT address FROM account"))
    )
    assert address == "new@example.org"


async def test_a_lock_held_by_another_program_is_an_error_that_heals(
    shelf: Shelf,
) -> None:
    """T12."""
    await shelf.database.write(lambda unit: set_pragma(unit, "busy_timeout = 20"))
    other = sqlite3.connect(shelf.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another program"):
        await shelf.database.write(lambda _unit: None)
    other.execute("ROLLBACK")
    other.close()
    await shelf.database.write(lambda _unit: None)


async def test_a_full_disk_changes_nothing_and_heals(shelf: Shelf) -> None:
    """T11."""
    pages = await shelf.database.read(
        lambda connection: connection.scalar(text("PRAGMA page_count"))
    )

    def fill(unit: Unit) -> None:
        unit.execute(text("INSERT INTO owner (id) VALUES (:id)"), {"id": "x" * 1_000_000})

    await shelf.database.write(lambda unit: set_pragma(unit, f"max_page_count = {pages + 4}"))
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await shelf.database.write(fill)
    await shelf.database.write(lambda unit: set_pragma(unit, "max_page_count = 1000000"))
    await shelf.database.write(fill)
