"""Statements compiled once and handed to the driver as they are.

SQLAlchemy's own way from a statement to the driver takes 0.1 ms each time, cold caches counted,
and storing one message takes fourteen statements: half of the latency of a push (measured: 2.4 ms
of 5.5). Everything that is not run for every message goes SQLAlchemy's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = sqlite_dialect(paramstyle="qmark")

Processor = Callable[[Any], Any]


class Prepared:
    """One INSERT, UPDATE or SELECT without a variable number of parameters."""

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

    def each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for each row; nothing where there is none."""
        values = [self._values(row) for row in rows]
        if not values:
            return
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(self._sql, values)
        finally:
            cursor.close()

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it once; its rows, columns as SQLite gives them."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._sql, self._values(values))
            return cursor.fetchall()  # type: ignore[return-value]
        finally:
            cursor.close()

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            value if process is None else process(value)
            for value, process in (
                (row.get(name, fixed), process) for name, fixed, process in self._places
            )
        )
