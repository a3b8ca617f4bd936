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
from inboxd.sync.plan import Step

STEPS = 4
"""Steps under way together. Each is that part of a batch, so all of them are one batch: one is
on the wire, one is being read, one committed, and one waits so that nobody has to."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A step with its bodies."""

    place: Place
    step: Step
    bodies: Sequence[Fetched]
    withheld: UidSet


@dataclass(frozen=True, slots=True)
class _Read:
    arrival: Arrival
    contents: Sequence[tuple[Uid, Content]]


class Pipeline:
    """Where the one who fetches hands over."""

    def __init__(self, arrivals: ObjectSendStream[Arrival], room: anyio.Semaphore) -> None:
        self._arrivals = arrivals
        self._room = room

    async def room(self) -> None:
        """Wait until another step may be fetched; each is followed by one `put`."""
        await self._room.acquire()

    async def put(self, arrival: Arrival) -> None:
        """Hand over a fetched step."""
        await self._arrivals.send(arrival)


@asynccontextmanager
async def open_pipeline(
    database: Database, also: Callable[[Sequence[Arrival]], Also]
) -> AsyncIterator[Pipeline]:
    """Open it; on leaving, everything handed over is committed.

    `also` gives what else belongs into the transaction of some steps: see `intake.store`.

    Raises what storing raises, in a group.
    """
    room = anyio.Semaphore(STEPS)
    arrivals, to_read = anyio.create_memory_object_stream[Arrival](STEPS)
    done_reading, to_commit = anyio.create_memory_object_stream[_Read](STEPS)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_all, to_read, done_reading)
        tasks.start_soon(_commit_all, database, to_commit, also, room)
        async with arrivals:
            yield Pipeline(arrivals, room)


async def _read_all(arrivals: ObjectReceiveStream[Arrival], done: ObjectSendStream[_Read]) -> None:
    async with arrivals, done:
        async for arrival in arrivals:
            await done.send(_Read(arrival, await read(arrival.bodies)))


async def _commit_all(
    database: Database,
    ready: MemoryObjectReceiveStream[_Read],
    also: Callable[[Sequence[Arrival]], Also],
    room: anyio.Semaphore,
) -> None:
    async with ready:
        async for first in ready:
            steps = [first, *_waiting(ready)]
            for place, together in groupby(steps, key=lambda one: one.arrival.place):
                some = list(together)
                contents = [pair for one in some for pair in one.contents]
                rest = also([one.arrival for one in some])
                await store(database, place, contents, rest)
            for _ in steps:
                room.release()


def _waiting(ready: MemoryObjectReceiveStream[_Read]) -> Iterator[_Read]:
    """What was read meanwhile: larger transactions cost less a message, above all in the index."""
    while True:
        try:
            yield ready.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return
