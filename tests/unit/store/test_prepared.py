"""Prepared statements: many rows and many keys at once are as many alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import StaticPool

from inboxd.store.prepared import Prepared

TABLE = Table("pair", MetaData(), Column("key", Integer, primary_key=True), Column("value", Text))

INSERT = Prepared(insert(TABLE))
_row = insert(TABLE)
UPSERT = Prepared(
    _row.on_conflict_do_update(index_elements=["key"], set_={"value": _row.excluded.value})
)
MARK = Prepared(
    _row.on_conflict_do_update(index_elements=["key"], set_={"value": "again"}), ["key", "value"]
)
SET = Prepared(
    update(TABLE).where(TABLE.c.key == bindparam("which")).values(value=bindparam("to"))
)
AMONG = Prepared(
    select(TABLE.c.key).where(
        TABLE.c.value == bindparam("wanted"), TABLE.c.key.in_(bindparam("keys", expanding=True))
    )
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(autouse=True)
def table(connection: Connection) -> None:
    made_anew(connection)


def made_anew(connection: Connection) -> None:
    TABLE.drop(connection, checkfirst=True)
    TABLE.create(connection)


def content(connection: Connection) -> dict[int, str]:
    return {row.key: row.value for row in connection.execute(select(TABLE))}


@given(pairs=st.lists(st.tuples(st.integers(0, 300), st.text("abc", max_size=2)), max_size=200))
def test_rows_go_in_whatever_their_number_and_in_their_order(
    connection: Connection, pairs: list[tuple[int, str]]
) -> None:
    made_anew(connection)
    UPSERT.each(connection, [{"key": key, "value": value} for key, value in pairs])
    assert content(connection) == dict(pairs)


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 127, 300])
def test_each_row_goes_in_once(connection: Connection, count: int) -> None:
    INSERT.each(connection, [{"key": key, "value": str(key)} for key in range(count)])
    assert content(connection) == {key: str(key) for key in range(count)}


def test_values_behind_the_rows_are_taken_for_every_row(connection: Connection) -> None:
    rows = [{"key": key, "value": "first"} for key in (1, 2, 1, 3, 2)]
    MARK.each(connection, rows)
    assert content(connection) == {1: "again", 2: "again", 3: "first"}


def test_what_is_no_insert_runs_for_each_row(connection: Connection) -> None:
    INSERT.each(connection, [{"key": key, "value": "old"} for key in range(5)])
    SET.each(connection, [{"which": 1, "to": "new"}, {"which": 3, "to": "newer"}])
    assert content(connection) == {0: "old", 1: "new", 2: "old", 3: "newer", 4: "old"}


@pytest.mark.parametrize("count", [0, 1, 3, 64, 65, 200])
def test_many_keys_are_found_once_each(connection: Connection, count: int) -> None:
    INSERT.each(connection, [{"key": key, "value": str(key % 2)} for key in range(100)])
    rows = AMONG.among(connection, {"wanted": "1"}, list(range(count)))
    assert sorted(rows) == [(key,) for key in range(min(count, 100)) if key % 2]
