"""The engines: one connection that writes, a few that read.

SQLite takes one writer at a time whatever we do; one owner of the write connection turns that
into an order instead of `database is locked`. Callers hand it work and wait; work that arrives
together is committed together.

All SQL of this floor is plain functions of a connection, and where they run is decided here:
reading over aiosqlite's connections, writing as whole units in one worker thread. A unit cannot
await anything, so no transaction is ever held across a network; and its fifteen
statements cost one way to a thread instead of fifteen.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast
from urllib.parse import quote

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus
from sqlalchemy import Connection, Engine, Executable, create_engine, event, insert, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from inboxd.clock import Clock
from inboxd.model.errors import StoreTooNew
from inboxd.model.events import Event, EventType
from inboxd.model.ids import AccountId, EventSeq
from inboxd.store import tables
from inboxd.store.failures import as_ours
from inboxd.store.prepared import Prepared
from inboxd.store.search import folded

T = TypeVar("T")
P = ParamSpec("P")

BUSY_SECONDS = 5.0
"""How long a lock held by another program (a backup) is waited for before it is an error."""

GROUP = 64
"""Units committed together at most: bounds how long the first of them waits for the last."""

READERS = 3
"""Read connections: one thread each; a list, a search and an event stream at the same time."""

PAGE_CACHE_KIB = 8_192
"""Per connection: the upper B-tree levels of a 100,000-mail store fit, and twice as much makes
nothing faster (measured). Three readers add 24 MiB, and only when they are used."""


@dataclass
class Unit:
    """One unit of work inside the writer's transaction: statements, and the events they cause."""

    connection: Connection
    clock: Clock
    last_seq: int
    events: list[Event] = field(default_factory=list)

    def execute(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run one statement."""
        return self.connection.execute(statement, values)

    def execute_many(self, statement: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each row; nothing where there is none."""
        if rows:
            self.connection.execute(statement, rows)

    def emit(
        self,
        kind: EventType,
        account: AccountId | None,
        data: dict[str, Any],
        *,
        historical: bool = False,
    ) -> EventSeq:
        """Note an event that is committed with this unit, and give its number."""
        seq = EventSeq(self.last_seq + len(self.events) + 1)
        self.events.append(Event(seq, kind, self.clock.now(), account, data, historical))
        return seq


def _row(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": str(event.type),
        "time": event.time,
        "account_id": event.account,
        "historical": int(event.historical),
        "data": event.data,
    }


def _nothing(_unit: Unit) -> None:
    return


Work = Callable[[Unit], T]

Reader = Connection
"""What a question is asked of (`Database.read`); named so that the floors above need not know
whose class it is."""

_INSERT_EVENT = Prepared(insert(tables.event))


class _Job(Generic[T]):
    """A unit of work, and where its caller finds the outcome, even if nobody waits any more."""

    def __init__(self, work: Work[T], *, durable: bool, shrinks: bool = False) -> None:
        self.work = work
        self.durable = durable
        self.shrinks = shrinks
        self.done = anyio.Event()
        self.result: T
        self.error: BaseException | None = None

    async def outcome(self) -> T:
        await self.done.wait()
        if self.error is not None:
            raise self.error
        return self.result


class Database:
    """The open store. Made by `open_database`, closed with its context."""

    def __init__(
        self,
        writer: Connection,
        readers: AsyncEngine,
        clock: Clock,
        last_seq: int,
        on_commit: Callable[[Sequence[Event]], None],
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._on_commit = on_commit
        self._durable: bool | None = None
        self.last_seq = EventSeq(last_seq)
        send, receive = anyio.create_memory_object_stream[_Job[Any]](math.inf)
        self._queue, self._jobs = send, receive

    async def read(
        self, question: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Ask a question on a read-only connection that sees the last commit."""
        async with self._readers.connect() as connection:
            return await connection.run_sync(question, *args, **kwargs)

    async def write(self, work: Work[T], *, durable: bool = False) -> T:
        """Run `work` in a transaction and return its result once that is committed.

        `durable`: on the disk before this returns (a person's choice cannot be fetched again).
        Without it a power cut may take back the last moments, consistently: mail, cursor and
        events together, so the next start fetches them again.
        A cancelled caller does not stop its work: it is committed or not as a whole.
        Raises StoreUnavailable when the disk is full or another program holds the lock.
        """
        job = _Job(work, durable=durable)
        self._queue.send_nowait(job)
        return await job.outcome()

    async def shrink(self) -> None:
        """Give back the room of what was deleted; no byte of it stays in any file of the store.

        SQLite only marks deleted pages as free, and the write-ahead log repeats them. This writes
        the whole file anew: as long as that takes, nothing else is written.
        Raises StoreUnavailable when the disk has no room for a second copy.
        """
        job = _Job(_nothing, durable=True, shrinks=True)
        self._queue.send_nowait(job)
        await job.outcome()

    async def run_writer(self, *, task_status: TaskStatus[None]) -> None:
        """Own the write connection until the queue is closed and drained.

        Shielded: what callers were promised reaches the disk even while the daemon is stopping.
        """
        task_status.started()
        with anyio.CancelScope(shield=True):
            await self._drain_queue()

    async def _drain_queue(self) -> None:
        thread = anyio.CapacityLimiter(1)
        async with self._jobs:
            async for first in self._jobs:
                jobs = [first]
                while len(jobs) < GROUP:
                    try:
                        jobs.append(self._jobs.receive_nowait())
                    except (anyio.WouldBlock, anyio.EndOfStream):
                        break
                events = await anyio.to_thread.run_sync(
                    self._commit_together, jobs, self.last_seq, limiter=thread
                )
                if events:
                    self.last_seq = events[-1].seq
                    self._on_commit(events)
                for job in jobs:
                    job.done.set()

    def finish(self) -> None:
        """Take no more work; what is queued is still committed."""
        self._queue.close()

    def _commit_together(self, jobs: list[_Job[Any]], before: EventSeq) -> list[Event]:
        """Commit the jobs, each with its outcome; gives the events they caused."""
        events: list[Event] = []
        try:
            self._set_durability(durable=any(job.durable for job in jobs))
            self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            for job in jobs:
                events += self._run_one(job, EventSeq(before + len(events)))
            self._writer.exec_driver_sql("COMMIT")
            if any(job.shrinks for job in jobs):
                self._rewrite(jobs)
        except DBAPIError as error:
            self._roll_back()
            for job in jobs:
                job.error = job.error or as_ours(error)
            return []
        return events

    def _rewrite(self, jobs: list[_Job[Any]]) -> None:
        """VACUUM, which no transaction can hold. What was committed with it stays committed."""
        try:
            self._writer.exec_driver_sql("VACUUM")
            self._writer.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except DBAPIError as error:
            for job in jobs:
                if job.shrinks:
                    job.error = as_ours(error)

    def _set_durability(self, *, durable: bool) -> None:
        if durable is not self._durable:
            level = "FULL" if durable else "NORMAL"
            self._writer.exec_driver_sql(f"PRAGMA synchronous={level}")
            self._durable = durable

    def _run_one(self, job: _Job[Any], seq: EventSeq) -> list[Event]:
        """Run one unit inside the commit; it stands alone: a failing one takes nothing along."""
        unit = Unit(self._writer, self._clock, seq)
        self._writer.exec_driver_sql("SAVEPOINT unit")
        try:
            job.result = job.work(unit)
            _INSERT_EVENT.each(self._writer, map(_row, unit.events))
        except Exception as error:  # noqa: BLE001 - handed to the caller, whole
            job.error = as_ours(error)
            self._writer.exec_driver_sql("ROLLBACK TO unit")
            return []
        self._writer.exec_driver_sql("RELEASE unit")
        return unit.events

    def _roll_back(self) -> None:
        try:
            self._writer.exec_driver_sql("ROLLBACK")
        except DBAPIError:
            return  # SQLite has rolled back by itself (disk full, I/O error)


@asynccontextmanager
async def open_database(
    path: Path, clock: Clock, on_commit: Callable[[Sequence[Event]], None]
) -> AsyncIterator[Database]:
    """Open (or make, or upgrade) the database and run its writer.

    `on_commit` is called with the events of each commit that has some, ascending.
    Raises StoreTooNew for a schema this version does not know, StoreUnavailable where there is
    no opening it.
    """
    writing = create_engine(
        _url("sqlite", path, "rwc"), **_OPTIONS, connect_args={"check_same_thread": False, **_WAIT}
    )
    readers = create_async_engine(
        _url("sqlite+aiosqlite", path, "ro"),
        **_OPTIONS,
        connect_args=_WAIT,
        pool_size=READERS,
        max_overflow=0,
        # Reading opens no transaction, so there is none to roll back.
        pool_reset_on_return=None,
    )
    event.listen(writing, "connect", _preparing(_WRITING))
    event.listen(readers.sync_engine, "connect", _preparing(_READING))
    try:
        writer, newest = await anyio.to_thread.run_sync(_open_writer, writing, path)
        database = Database(writer, readers, clock, newest, on_commit)
        async with anyio.create_task_group() as tasks:
            await tasks.start(database.run_writer)
            try:
                yield database
            finally:
                database.finish()
        writer.close()
    finally:
        with anyio.move_on_after(BUSY_SECONDS, shield=True):
            await readers.dispose()
        writing.dispose()


_COMMON = (f"cache_size=-{PAGE_CACHE_KIB}", "temp_store=MEMORY", "foreign_keys=ON")

_READING = (*_COMMON, "query_only=ON")

# A checkpoint each 4,000 pages (16 MB): at SQLite's 1,000 a history of 4 MiB batches checkpoints
# after every single commit.
_WRITING = (*_COMMON, "journal_mode=WAL", "wal_autocheckpoint=4000", "secure_delete=FAST")

_WAIT = {"timeout": BUSY_SECONDS}

_OPTIONS: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    # The text of a database error would hold the values: somebody's mail, in a log.
    "hide_parameters": True,
}


def _url(dialect: str, path: Path, mode: str) -> str:
    return f"{dialect}:///file:{quote(str(path))}?mode={mode}&uri=true"


def _preparing(pragmas: Sequence[str]) -> Callable[[DBAPIConnection, object], None]:
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        # In no protocol of SQLAlchemy's, but in both drivers.
        cast("Any", connection).create_function("folded", 1, folded, deterministic=True)
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _open_writer(engine: Engine, path: Path) -> tuple[Connection, int]:
    try:
        writer = engine.connect()
        _prepare_schema(writer, path)
        newest = writer.scalar(text("SELECT coalesce(max(seq), 0) FROM event"))
    except DBAPIError as error:
        raise as_ours(error) from error
    return writer, int(newest or 0)


def _prepare_schema(writer: Connection, path: Path) -> None:
    known = writer.scalar(text("SELECT count(*) FROM sqlite_master WHERE name='alembic_version'"))
    if not known:
        _make_schema(writer)
        return
    version = str(writer.scalar(text("SELECT version_num FROM alembic_version")) or "")
    if version > tables.HEAD:
        raise StoreTooNew(
            f"The database {path.name} was written by a newer inboxd (schema {version}, this one "
            f"knows {tables.HEAD}): install that version again, or restore a backup."
        )
    if version < tables.HEAD:
        # Imported only here: Alembic costs 0.15 s of every start that needs no migration.
        from inboxd.store.migrations import upgrade  # noqa: PLC0415

        upgrade(writer)


def _make_schema(writer: Connection) -> None:
    writer.exec_driver_sql("BEGIN IMMEDIATE")
    tables.metadata.create_all(writer)
    writer.execute(tables.FULL_TEXT)
    writer.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
    writer.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": tables.HEAD})
    writer.exec_driver_sql("COMMIT")
