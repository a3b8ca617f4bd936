"""The engines: one connection that writes, a few that read.

SQLite takes one writer at a time whatever we do; one owner of the write connection turns that
into an order instead of `database is locked`. Callers hand it work and wait; work that arrives
together is committed together. Nothing here holds a transaction across a network.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskStatus
from sqlalchemy import Executable, event, insert, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from inboxd.clock import Clock
from inboxd.model.errors import StoreTooNew, StoreUnavailable
from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, EventSeq
from inboxd.store import tables

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a lock held by another program (a backup) is waited for before it is an error."""

GROUP = 64
"""Units committed together at most: bounds how long the first of them waits for the last."""

READERS = 3
"""Read connections: one thread each; a list, a search and an event stream at the same time."""

PAGE_CACHE_KIB = 16_384
"""Per connection: the upper B-tree levels of a 100,000-mail store fit; three readers add 48 MiB
at the very most, and only when they are used."""


@dataclass
class Unit:
    """One unit of work inside the writer's transaction: statements, and the events they cause."""

    connection: AsyncConnection
    clock: Clock
    last_seq: int
    rows: list[dict[str, Any]] = field(default_factory=list)

    async def execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()
    ) -> CursorResult[Any]:
        """Run one statement, once per mapping of `values`."""
        if isinstance(values, Mapping) or values:
            return await self.connection.execute(statement, values)
        return await self.connection.execute(statement)

    def emit(
        self,
        kind: EventType,
        account: AccountId | None,
        data: dict[str, Any],
        *,
        historical: bool = False,
    ) -> EventSeq:
        """Note an event that is committed with this unit, and give its number."""
        seq = EventSeq(self.last_seq + len(self.rows) + 1)
        self.rows.append(
            {
                "seq": seq,
                "type": str(kind),
                "time": self.clock.now(),
                "account_id": account,
                "historical": int(historical),
                "data": data,
            }
        )
        return seq


Work = Callable[[Unit], Awaitable[T]]


class _Job(Generic[T]):
    """A unit of work, and where its caller finds the outcome, even if nobody waits any more."""

    def __init__(self, work: Work[T], *, durable: bool) -> None:
        self.work = work
        self.durable = durable
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
        writer: AsyncConnection,
        readers: AsyncEngine,
        clock: Clock,
        last_seq: int,
        on_commit: Callable[[EventSeq], None],
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._on_commit = on_commit
        self.last_seq = EventSeq(last_seq)
        send, receive = anyio.create_memory_object_stream[_Job[Any]](math.inf)
        self._queue, self._jobs = send, receive

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A read-only connection that sees the last commit."""
        return self._readers.connect()

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

    async def run_writer(self, *, task_status: TaskStatus[None]) -> None:
        """Own the write connection until the queue is closed and drained.

        Shielded: what callers were promised reaches the disk even while the daemon is stopping.
        """
        task_status.started()
        with anyio.CancelScope(shield=True):
            await self._drain_queue()

    async def _drain_queue(self) -> None:
        async with self._jobs:
            async for first in self._jobs:
                jobs = [first]
                while len(jobs) < GROUP:
                    try:
                        jobs.append(self._jobs.receive_nowait())
                    except (anyio.WouldBlock, anyio.EndOfStream):
                        break
                await self._commit_together(jobs)

    def finish(self) -> None:
        """Take no more work; what is queued is still committed."""
        self._queue.close()

    async def _commit_together(self, jobs: list[_Job[Any]]) -> None:
        seq = self.last_seq
        done: list[_Job[Any]] = []
        try:
            level = "FULL" if any(job.durable for job in jobs) else "NORMAL"
            await self._writer.exec_driver_sql(f"PRAGMA synchronous={level}")
            await self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            for job in jobs:
                seq = await self._run_one(job, seq, alone=len(jobs) == 1)
                if job.error is None:
                    done.append(job)
            await self._writer.exec_driver_sql("COMMIT")
        except DBAPIError as error:
            await self._roll_back()
            for job in jobs:
                job.error = job.error or _as_ours(error)
        else:
            if seq != self.last_seq and done:
                self.last_seq = seq
                self._on_commit(seq)
        finally:
            for job in jobs:
                job.done.set()

    async def _run_one(self, job: _Job[Any], seq: EventSeq, *, alone: bool) -> EventSeq:
        unit = Unit(self._writer, self._clock, seq)
        # Inside one commit each unit stands alone: a failing neighbour takes nothing along.
        if not alone:
            await self._writer.exec_driver_sql("SAVEPOINT unit")
        try:
            job.result = await job.work(unit)
            if unit.rows:
                await unit.execute(insert(tables.event), unit.rows)
        except Exception as error:  # noqa: BLE001 - handed to the caller, whole
            job.error = _as_ours(error)
            await self._writer.exec_driver_sql("ROLLBACK" if alone else "ROLLBACK TO unit")
            if alone:
                await self._writer.exec_driver_sql("BEGIN IMMEDIATE")
            return seq
        if not alone:
            await self._writer.exec_driver_sql("RELEASE unit")
        return EventSeq(seq + len(unit.rows))

    async def _roll_back(self) -> None:
        try:
            await self._writer.exec_driver_sql("ROLLBACK")
        except DBAPIError:
            return  # SQLite has rolled back by itself (disk full, I/O error)


def _as_ours(error: BaseException) -> BaseException:
    """Translate what another program or the disk causes; our own mistakes stay as they are."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.OperationalError):
        return error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    words = {
        sqlite3.SQLITE_BUSY: "another program holds the database; trying again",
        sqlite3.SQLITE_LOCKED: "another program holds the database; trying again",
        sqlite3.SQLITE_FULL: "the disk is full: make room, inboxd continues by itself",
        sqlite3.SQLITE_IOERR: "the disk does not take what is written: look at the system log",
        sqlite3.SQLITE_READONLY: "the database is read-only: look at the rights of the state "
        "directory",
        sqlite3.SQLITE_CANTOPEN: "the database cannot be opened: look at the rights of the state "
        "directory",
    }
    if code not in words:
        return error
    ours = StoreUnavailable(f"The database cannot be written: {words[code]}.")
    ours.__cause__ = error
    return ours


@asynccontextmanager
async def open_database(
    path: Path, clock: Clock, on_commit: Callable[[EventSeq], None]
) -> AsyncIterator[Database]:
    """Open (or make, or upgrade) the database and run its writer.

    `on_commit` is called with the newest event number after each commit that has events.
    Raises StoreTooNew for a schema this version does not know.
    """
    write_engine = _engine(path, read_only=False)
    readers = _engine(path, read_only=True)
    try:
        async with write_engine.connect() as writer:
            await writer.execution_options(isolation_level="AUTOCOMMIT")
            await _prepare_schema(writer, path)
            newest = await writer.scalar(text("SELECT coalesce(max(seq), 0) FROM event"))
            database = Database(writer, readers, clock, int(newest or 0), on_commit)
            async with anyio.create_task_group() as tasks:
                await tasks.start(database.run_writer)
                try:
                    yield database
                finally:
                    database.finish()
    finally:
        with anyio.move_on_after(BUSY_SECONDS, shield=True):
            await readers.dispose()
            await write_engine.dispose()


def _engine(path: Path, *, read_only: bool) -> AsyncEngine:
    uri = f"file:{path}?mode={'ro' if read_only else 'rwc'}&uri=true"
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{uri}",
        pool_size=READERS if read_only else 1,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
        isolation_level="AUTOCOMMIT",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        cursor = connection.cursor()
        for pragma in _pragmas(read_only=read_only):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _pragmas(*, read_only: bool) -> tuple[str, ...]:
    common = (f"cache_size=-{PAGE_CACHE_KIB}", "temp_store=MEMORY", "foreign_keys=ON")
    if read_only:
        return (*common, "query_only=ON")
    # A checkpoint each 4,000 pages (16 MB): at SQLite's 1,000 a history of 4 MiB batches
    # checkpoints after every single commit.
    return (*common, "journal_mode=WAL", "wal_autocheckpoint=4000", "secure_delete=FAST")


async def _prepare_schema(writer: AsyncConnection, path: Path) -> None:
    known = await writer.scalar(
        text("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'")
    )
    if not known:
        await writer.exec_driver_sql("BEGIN IMMEDIATE")
        await writer.run_sync(tables.metadata.create_all)
        await writer.execute(tables.FULL_TEXT)
        await writer.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT NOT NULL)")
        await writer.execute(
            text("INSERT INTO alembic_version VALUES (:head)"), {"head": tables.HEAD}
        )
        await writer.exec_driver_sql("COMMIT")
        return
    version = str(await writer.scalar(text("SELECT version_num FROM alembic_version")))
    if version > tables.HEAD:
        raise StoreTooNew(
            f"The database {path.name} was written by a newer inboxd (schema {version}, this one "
            f"knows {tables.HEAD}): install that version again, or restore a backup."
        )
    if version < tables.HEAD:
        # Imported only here: Alembic costs 0.15 s of every start that needs no migration.
        from inboxd.store.migrations import upgrade  # noqa: PLC0415

        await writer.run_sync(upgrade)
