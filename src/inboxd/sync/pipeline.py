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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A step that was fetched."""

    place: Place
    step: Step
    withheld: UidSet


# Apart from their arrival, so that the bodies are let go of once they are read.
_Bodies = tuple[Arrival, Sequence[Fetched]]

_Contents = tuple[Arrival, Sequence[tuple[Uid, Content]]]


class Pipeline:
    """Where the one who fetches hands over."""

    def __init__(self, fetched: ObjectSendStream[_Bodies], room: anyio.Semaphore) -> None:
        self._fetched = fetched
        self._room = room

    async def room(self) -> None:
        """Wait until another step may be fetched; each is followed by one `put`."""
        await self._room.acquire()

    async def put(self, arrival: Arrival, bodies: Sequence[Fetched]) -> None:
        """Hand over a fetched step."""
        await self._fetched.send((arrival, bodies))


@asynccontextmanager
async def open_pipeline(
    database: Database, also: Callable[[Sequence[Arrival]], Also]
) -> AsyncIterator[Pipeline]:
    """Open it; on leaving, everything handed over is committed.

    `also` gives what else belongs into the transaction of some steps: see `intake.store`.

    Raises what storing raises, in a group.
    """
    room = anyio.Semaphore(STEPS)
    fetched, to_read = anyio.create_memory_object_stream[_Bodies](STEPS)
    done_reading, to_commit = anyio.create_memory_object_stream[_Contents](STEPS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_all, to_read, done_reading)
        tasks.start_soon(_commit_all, database, to_commit, also, room)
        async with fetched:
            yield Pipeline(fetched, room)


async def _read_all(
    fetched: ObjectReceiveStream[_Bodies], done: ObjectSendStream[_Contents]
) -> None:
    async with fetched, done:
        async for arrival, bodies in fetched:
            contents = await read(bodies)
            del bodies
            await done.send((arrival, contents))


async def _commit_all(
    database: Database,
    ready: MemoryObjectReceiveStream[_Contents],
    also: Callable[[Sequence[Arrival]], Also],
    room: anyio.Semaphore,
) -> None:
    async with ready:
        async for first in ready:
            steps = [first, *_waiting(ready)]
            for place, together in groupby(steps, key=lambda one: one[0].place):
                some = list(together)
                contents = [pair for _, read in some for pair in read]
                rest = also([arrival for arrival, _ in some])
                await store(database, place, contents, rest)
            for _ in steps:
                room.release()


def _waiting(ready: MemoryObjectReceiveStream[_Contents]) -> Iterator[_Contents]:
    """What was read meanwhile: larger transactions cost less a message, above all in the index."""
    while True:
        try:
            yield ready.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return
