"""Threads: messages that refer to each other belong together, in whatever order they arrive.

Each Message-ID that a message has or refers to points at a thread; a message that joins two
threads makes them one. Subjects are not looked at: equal subjects join strangers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from inboxd.model.ids import AccountId, MessageId, ThreadId
from inboxd.store import tables
from inboxd.store.database import Unit
from inboxd.store.prepared import Prepared

DIGEST_BYTES = 16
"""Message-IDs of 10 kB exist; 128 bits of BLAKE2b keep the index small and never collide."""


def digest(message_id: str) -> bytes:
    """The key of one Message-ID in `thread_reference`."""
    encoded = message_id.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=DIGEST_BYTES).digest()


class _Joined:
    """Disjoint sets of threads, each named by its smallest id."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def find(self, thread: int) -> int:
        while (parent := self._parent.get(thread, thread)) != thread:
            thread = parent
        return thread

    def join(self, one: int, other: int) -> int:
        first, second = sorted((self.find(one), self.find(other)))
        if first != second:
            self._parent[second] = first
        return first

    def merged(self) -> list[tuple[int, int]]:
        return [(thread, self.find(thread)) for thread in self._parent]


def assign(
    unit: Unit, account: AccountId, messages: Sequence[tuple[MessageId, tuple[bytes, ...]]]
) -> dict[MessageId, ThreadId]:
    """The thread of each new message; threads that turn out to be one are merged."""
    wanted = sorted({reference for _, references in messages for reference in references})
    thread_of = _known(unit.connection, account, wanted)
    known = dict(thread_of)
    joined = _Joined()
    assigned: dict[MessageId, int] = {}
    for message, references in messages:
        thread = int(message)
        for reference in references:
            if reference in thread_of:
                thread = joined.join(thread, thread_of[reference])
        for reference in references:
            thread_of[reference] = thread
        assigned[message] = thread
    new = set(assigned)
    _merge(unit, [pair for pair in joined.merged() if pair[0] not in new])
    _point(
        unit,
        account,
        [
            (reference, joined.find(thread))
            for reference, thread in thread_of.items()
            if known.get(reference) != joined.find(thread)
        ],
    )
    return {message: ThreadId(joined.find(thread)) for message, thread in assigned.items()}


_reference = tables.thread_reference
_KNOWN = Prepared(
    select(_reference.c.reference, _reference.c.thread_id).where(
        _reference.c.account_id == bindparam("account"),
        _reference.c.reference.in_(bindparam("references", expanding=True)),
    )
)
_MERGE = tuple(
    Prepared(
        update(table)
        .where(table.c.thread_id == bindparam("old"))
        .values(thread_id=bindparam("new"))
    )
    for table in (tables.message, _reference)
)
_row = upsert(_reference)
_POINT = Prepared(
    _row.on_conflict_do_update(
        index_elements=["account_id", "reference"],
        set_={"thread_id": _row.excluded.thread_id},
    )
)


def _known(
    connection: Connection, account: AccountId, references: Sequence[bytes]
) -> dict[bytes, int]:
    return dict(_KNOWN.among(connection, {"account": account}, references))


def _merge(unit: Unit, pairs: Sequence[tuple[int, int]]) -> None:
    values = [{"old": old, "new": new} for old, new in pairs]
    for statement in _MERGE:
        statement.each(unit.connection, values)


def _point(unit: Unit, account: AccountId, references: Iterable[tuple[bytes, int]]) -> None:
    _POINT.each(
        unit.connection,
        [
            {"account_id": account, "reference": reference, "thread_id": thread}
            for reference, thread in references
        ],
    )
