"""Statements compiled once and handed to the driver as they are.

SQLAlchemy's own way from a statement to the driver takes 0.1 ms each time, cold caches counted,
and storing one message takes fourteen statements: half of the latency of a push (measured: 2.4 ms
of 5.5). Everything that is not run for every message goes SQLAlchemy's way.

Many rows go in with one statement, and many keys are looked up with one. Python lets go of its
lock around every step of SQLite, and taking it back from a thread that parses costs more than most
steps do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = sqlite_dialect(paramstyle="qmark")

TOGETHER = 64
"""Rows or keys of one statement at most. The driver keeps statements by their text, so their
numbers are powers of two: seven texts for each table, whatever the sizes of batches."""

_ROW = re.compile(r"VALUES (\(\?(?:, \?)*\))")

_KEYS = re.compile(r"\(__\[POSTCOMPILE_(\w+)\]\)")

Processor = Callable[[Any], Any]

T = TypeVar("T")


class Prepared:
    """One INSERT, UPDATE, DELETE or SELECT.

    A SELECT that is asked with `among` has one `column.in_(bindparam(…, expanding=True))`.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        """`columns`: those that an INSERT is given; all others take their defaults."""
        assert isinstance(statement, ClauseElement)  # noqa: S101 - for the type checker
        compiled = statement.compile(dialect=_DIALECT, column_keys=columns)
        self._sql = str(compiled)
        fixed: Mapping[str, Any] = compiled.params or {}
        binds = compiled.binds  # type: ignore[attr-defined]
        self._places: list[tuple[str, Any, Processor | None]] = [
            (name, fixed.get(name), binds[name].type.bind_processor(_DIALECT))
            for name in compiled.positiontup or ()  # type: ignore[attr-defined]
        ]
        row, keys = _ROW.search(self._sql), _KEYS.search(self._sql)
        whole = row is not None and row[1].count("?") == len(self._places)
        self._repeated = row[1] if row is not None and whole else None
        self._keys = keys[1] if keys is not None else None
        self._texts: dict[int, str] = {}

    def each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each row, in their order; nothing where there is none."""
        values = [self._values(row) for row in rows]
        if not values:
            return
        cursor = connection.connection.cursor()
        try:
            if self._repeated is None:
                cursor.executemany(self._sql, values)
                return
            for some in _powers(values):
                cursor.execute(self._text(len(some)), [value for row in some for value in row])
        finally:
            cursor.close()

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it once; its rows, columns as SQLite gives them."""
        return _fetched(connection, self._sql, self._values(values))

    def among(
        self, connection: Connection, values: Mapping[str, Any], keys: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        """The rows whose column is one of the keys, in no order over many keys."""
        return [
            row
            for some in _filled(keys)
            for row in _fetched(
                connection, self._text(len(some)), self._values({**values, self._keys: some})
            )
        ]

    def _text(self, count: int) -> str:
        """The statement with that many rows or keys."""
        if count not in self._texts:
            if self._repeated is not None:
                text = self._sql.replace(self._repeated, ", ".join([self._repeated] * count))
            else:
                text = _KEYS.sub(f"({', '.join('?' * count)})", self._sql)
            self._texts[count] = text
        return self._texts[count]

    def _values(self, row: Mapping[Any, Any]) -> list[Any]:
        values: list[Any] = []
        for name, fixed, process in self._places:
            value = row.get(name, fixed)
            if name == self._keys:
                values += value
            else:
                values.append(value if process is None else process(value))
        return values


def _fetched(connection: Connection, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    driver = connection.connection.dbapi_connection
    if isinstance(driver, AdaptedConnection):
        # aiosqlite: one way to its thread and back, where a cursor takes four.
        rows = driver.run_async(lambda aiosqlite: aiosqlite.execute_fetchall(sql, values))
        return list(rows)
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
    finally:
        cursor.close()


def _powers(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in parts of TOGETHER, 32, 16 … 1."""
    start, size = 0, TOGETHER
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


def _filled(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """The keys in parts of TOGETHER; the last part repeats a key up to a power of two."""
    for start in range(0, len(keys), TOGETHER):
        some = keys[start : start + TOGETHER]
        size = 1 << (len(some) - 1).bit_length()
        yield [*some, *[some[-1]] * (size - len(some))]
