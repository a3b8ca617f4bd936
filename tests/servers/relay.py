"""A wire that can fail: a TCP proxy before any server, cut, stalled or slowed at will.

Its controls are plain calls. A test without an event loop of its own runs it in a portal:
`portal.wrap_async_context_manager(FaultProxy.to(port))`, and `portal.call(proxy.reset_all)`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from itertools import repeat

import anyio
from anyio.abc import SocketAttribute, SocketStream

CONNECT_SECONDS = 10

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER for no seconds: closing sends RST (socket(7))."""

_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Direction(Enum):
    """Which way bytes go."""

    TO_CLIENT = "to the client"
    TO_SERVER = "to the server"


class _Connection:
    """One client's connection, and the one to the server that stands for it."""

    def __init__(self, client: SocketStream, server: SocketStream, cut_after: int | None) -> None:
        self.ends = {Direction.TO_CLIENT: client, Direction.TO_SERVER: server}
        self.bytes_left = cut_after

    def allowed(self, direction: Direction, data: bytes) -> bytes:
        """As much of `data` as may pass before the cut."""
        if direction is Direction.TO_SERVER or self.bytes_left is None:
            return data
        passing = data[: self.bytes_left]
        self.bytes_left -= len(passing)
        return passing

    def reset_on_close(self) -> None:
        for end in self.ends.values():
            raw = end.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class FaultProxy:
    """A running proxy; made by `FaultProxy.to`."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self.connections = 0
        """How many were passed on so far."""
        self.refusals = 0
        """How many came while there was no server."""
        self._target_port = target_port
        self._open: dict[_Connection, anyio.CancelScope] = {}
        self._cuts: Iterator[int] = iter(())
        self._running = {direction: _set_event() for direction in Direction}
        self._piece_bytes: int | None = None
        self._pause_seconds = 0.0
        self._changed = anyio.Event()

    @staticmethod
    @asynccontextmanager
    async def to(target_port: int) -> AsyncIterator[FaultProxy]:
        """A proxy on a free port of 127.0.0.1 to `target_port` there, while the block runs."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            proxy = FaultProxy(port, target_port)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, proxy._serve)
                try:
                    yield proxy
                finally:
                    tasks.cancel_scope.cancel()

    @property
    def open_connections(self) -> int:
        """How many stand now."""
        return len(self._open)

    async def await_connections(self, count: int) -> None:
        """Wait until `count` connections in all were passed on."""
        while self.connections < count:
            await self._changed.wait()

    async def await_refusals(self, count: int) -> None:
        """Wait until `count` connections in all found no server."""
        while self.refusals < count:
            await self._changed.wait()

    def cut_after(self, counts: int | Iterable[int]) -> None:
        """Cut each later connection after that many bytes to the client, exactly.

        One number is for all of them; of several, each connection takes the next, and when none
        is left they stay whole: `cut_after(())` ends it.
        """
        self._cuts = repeat(counts) if isinstance(counts, int) else iter(counts)

    def reset_all(self) -> None:
        """RST on every open connection, at both ends."""
        for connection, scope in self._open.items():
            connection.reset_on_close()
            scope.cancel()

    def stall(self, *directions: Direction) -> None:
        """Pass nothing on, not even an end, while all stays open: half-open when both ways.

        Without a direction: both.
        """
        for direction in directions or Direction:
            if self._running[direction].is_set():
                self._running[direction] = anyio.Event()

    def trickle(self, bytes_per_write: int, every_seconds: float) -> None:
        """Pass on so many bytes at a time, and wait after each."""
        self._piece_bytes, self._pause_seconds = bytes_per_write, every_seconds

    def resume(self) -> None:
        """End stalls and the trickle; what was held back goes on its way."""
        self._piece_bytes, self._pause_seconds = None, 0.0
        for running in self._running.values():
            running.set()

    async def _serve(self, client: SocketStream) -> None:
        async with client:
            try:
                with anyio.fail_after(CONNECT_SECONDS):
                    server = await anyio.connect_tcp("127.0.0.1", self._target_port)
            except OSError:
                self.refusals += 1
                self._tell()
                return
            async with server:
                await self._relay(_Connection(client, server, next(self._cuts, None)))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _relay(self, connection: _Connection) -> None:
        async with anyio.create_task_group() as tasks:
            self._open[connection] = tasks.cancel_scope
            self.connections += 1
            self._tell()
            try:
                tasks.start_soon(self._pump, connection, Direction.TO_SERVER, tasks.cancel_scope)
                await self._pump(connection, Direction.TO_CLIENT, tasks.cancel_scope)
            finally:
                del self._open[connection]

    async def _pump(
        self, connection: _Connection, direction: Direction, whole: anyio.CancelScope
    ) -> None:
        target = connection.ends[direction]
        (source,) = (end for way, end in connection.ends.items() if way is not direction)
        try:
            async for data in source:
                # A server that writes in pieces would wait 40 ms for each delayed ACK (tcp(7)).
                raw = source.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                if not await self._pass_on(connection, target, direction, data):
                    break
            await self._running[direction].wait()
        except _GONE:
            await self._running[direction].wait()
        whole.cancel()

    async def _pass_on(
        self, connection: _Connection, target: SocketStream, direction: Direction, data: bytes
    ) -> bool:
        """Send `data` on as things stand; whether the connection goes on."""
        while data:
            await self._running[direction].wait()
            piece = connection.allowed(direction, data[: self._piece_bytes])
            await target.send(piece)
            if connection.bytes_left == 0:
                return False
            data = data[len(piece) :]
            if self._piece_bytes is not None:
                await anyio.sleep(self._pause_seconds)
        return True


def _set_event() -> anyio.Event:
    event = anyio.Event()
    event.set()
    return event
