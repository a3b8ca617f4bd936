"""The way of a history's messages through three hands: one fetches, one reads, one commits.

Each works on another step at the same time, in order, so that cursors only move forward. What is
under way together is bounded: in memory, and in what a crash makes be fetched again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.streams.memory import MemoryObjectReceiveStream

from inboxd.model.ids import Uid
from inboxd.model.server import Fetched, UidSet
from inboxd.store.database import Database
from inboxd.store.messages import Content, Place
from inboxd.sync.intake import Also, read, store
from inboxd.sync.plan import STEPS, Step

ROOMS = 8
"""Steps of all accounts under way together. A hundred histories that begin on one morning so take
the memory of three, and no longer than otherwise: one alone keeps the processor busy."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A step that was fetched."""

    place: Place
    step: Step
    withheld: UidSet


# Apart from their arrival, so that the bodies are let go of once they are read.
_Bodies = tuple[Arrival, Sequence[Fetched]]

_Contents = tuple[Arrival, Sequence[tuple[Uid, Content]]]


class Shared:
    """What the histories of all accounts share."""

    def __init__(self) -> None:
        self.rooms = anyio.Semaphore(ROOMS)
        self.reader = anyio.CapacityLimiter(1)
        """Python runs one thread at a time: a second reader would hold up whoever has new mail."""


class _Rooms:
    """The steps of one history that are under way."""

    def __init__(self, shared: anyio.Semaphore) -> None:
        self._own = anyio.Semaphore(STEPS)
        self._shared = shared
        self._taken = 0

    async def take(self) -> None:
        await self._own.acquire()
        await self._shared.acquire()
        self._taken += 1

    def give_back(self, count: int) -> None:
        self._taken -= count
        for _ in range(count):
            self._shared.release()
            self._own.release()

    def end(self) -> None:
        self.give_back(self._taken)


class Pipeline:
    """Where the one who fetches hands over."""

    def __init__(self, fetched: ObjectSendStream[_Bodies], rooms: _Rooms) -> None:
        self._fetched = fetched
        self._rooms = rooms

    async def room(self) -> None:
        """Wait until another step may be fetched; each is followed by one `put`."""
        await self._rooms.take()

    async def put(self, arrival: Arrival, bodies: Sequence[Fetched]) -> None:
        """Hand over a fetched step."""
        await self._fetched.send((arrival, bodies))


@asynccontextmanager
async def open_pipeline(
    database: Database, shared: Shared, also: Callable[[Sequence[Arrival]], Also]
) -> AsyncIterator[Pipeline]:
    """Open it; on leaving, everything handed over is committed.

    `also` gives what else belongs into the transaction of some steps: see `intake.store`.

    Raises what storing raises, in a group.
    """
    rooms = _Rooms(shared.rooms)
    fetched, to_read = anyio.create_memory_object_stream[_Bodies](STEPS)
    done_reading, to_commit = anyio.create_memory_object_stream[_Contents](STEPS)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read_all, to_read, done_reading, shared.reader)
            tasks.start_soon(_commit_all, database, to_commit, also, rooms)
            async with fetched:
                yield Pipeline(fetched, rooms)
    finally:
        rooms.end()


async def _read_all(
    fetched: ObjectReceiveStream[_Bodies],
    done: ObjectSendStream[_Contents],
    reader: anyio.CapacityLimiter,
) -> None:
    async with fetched, done:
        async for arrival, bodies in fetched:
            contents = await read(bodies, reader)
            del bodies
            await done.send((arrival, contents))


async def _commit_all(
    database: Database,
    ready: MemoryObjectReceiveStream[_Contents],
    also: Callable[[Sequence[Arrival]], Also],
    rooms: _Rooms,
) -> None:
    async with ready:
        async for first in ready:
            steps = [first, *_waiting(ready)]
            for place, together in groupby(steps, key=lambda one: one[0].place):
                some = list(together)
                contents = [pair for _, read in some for pair in read]
                rest = also([arrival for arrival, _ in some])
                await store(database, place, contents, rest)
            rooms.give_back(len(steps))


def _waiting(ready: MemoryObjectReceiveStream[_Contents]) -> Iterator[_Contents]:
    """What was read meanwhile: larger transactions cost less a message, above all in the index."""
    while True:
        try:
            yield ready.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return
