"""A server that does what a test writes down: for misbehaviour that no real server can show.

Its controls are for one event loop; a test without one runs it in a portal:
`portal.wrap_async_context_manager(Scripted.playing(script))`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream

EXPECT_SECONDS = 10
"""How long a client may take for what it is expected to send."""

_TOLD = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""What a test raises, kept as it is: the server's task group would wrap it."""

_CLOSED = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Peer:
    """The client as the script sees it."""

    def __init__(self, stream: ByteStream, received: bytearray) -> None:
        self.tag = "*"
        """Of the last command."""
        self._stream = stream
        self._pending = bytearray()
        self._received = received

    async def expect(self, pattern: str) -> re.Match[str]:
        """The client's next command, which must match `pattern` whole; its tag goes to `tag`.

        The case does not matter (RFC 3501 9). Fails when something else or nothing comes.
        """
        self.tag, _, command = (await self._line(pattern)).partition(" ")
        return _matched(pattern, command)

    async def expect_line(self, pattern: str) -> re.Match[str]:
        """The client's next line, where it has no tag: DONE, an answer to a challenge."""
        return _matched(pattern, await self._line(pattern))

    async def expect_bytes(self, count: int) -> bytes:
        """That many bytes: a literal."""
        with anyio.fail_after(EXPECT_SECONDS):
            while len(self._pending) < count:
                await self._receive(f"{count} bytes")
        return self._take(count)

    async def expect_close(self) -> None:
        """The client goes; whatever it still sends is of no interest."""
        with anyio.fail_after(EXPECT_SECONDS):
            try:
                while True:
                    self._received += await self._stream.receive()
            except _CLOSED:
                return

    async def send(self, data: bytes) -> None:
        """Exactly these bytes."""
        with anyio.fail_after(EXPECT_SECONDS):
            await self._stream.send(data)

    async def answer(self, text: str) -> None:
        """The tagged answer to the last command, such as `OK done`."""
        await self.send(f"{self.tag} {text}\r\n".encode())

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted, after the answer to STARTTLS."""
        with anyio.fail_after(EXPECT_SECONDS):
            self._stream = await _encrypted(self._stream, context)

    async def _line(self, expected: str) -> str:
        with anyio.fail_after(EXPECT_SECONDS):
            while (end := self._pending.find(b"\r\n")) < 0:
                await self._receive(expected)
        return self._take(end + 2)[:-2].decode("utf-8", "backslashreplace")

    async def _receive(self, expected: str) -> None:
        try:
            data = await self._stream.receive()
        except _CLOSED:
            raise AssertionError(f"the client went where {expected!r} was expected") from None
        self._pending += data
        self._received += data

    def _take(self, count: int) -> bytes:
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken


Script = Callable[[Peer], Awaitable[None]]


class Scripted:
    """A running server; made by `Scripted.playing`."""

    def __init__(self, port: int, scripts: tuple[Script, ...], tls: ssl.SSLContext | None) -> None:
        self.port = port
        self.connections = 0
        """How many were accepted so far."""
        self.received = bytearray()
        """All that clients ever sent, without TLS around it."""
        self.body = anyio.CancelScope()
        self.failure: Exception | None = None
        self._scripts = scripts
        self._tls = tls
        self._played = 0
        self._changed = anyio.Event()

    @staticmethod
    @asynccontextmanager
    async def playing(
        *scripts: Script, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Scripted]:
        """A server on a free port of 127.0.0.1 while the block runs.

        The first connection gets the first script, and so on; the last script is for all that
        follow. A connection closes where its script ends. A script that fails ends the block and
        is raised by it, whatever the client made of it.
        """
        assert scripts, "a scripted server needs a script"
        error: BaseException | None = None
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            server = Scripted(port, scripts, tls)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, server._serve)
                try:
                    with server.body:
                        yield server
                except _TOLD as raised:
                    error = raised
                finally:
                    tasks.cancel_scope.cancel()
        if server.failure is not None:
            raise server.failure from error
        if error is not None:
            raise error

    async def await_played(self, count: int = 1) -> None:
        """Wait until `count` scripts went through to their ends."""
        while self._played < count:
            await self._changed.wait()

    async def _serve(self, stream: SocketStream) -> None:
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        async with stream:
            try:
                whole = stream if self._tls is None else await _encrypted(stream, self._tls)
            except (ssl.SSLError, *_CLOSED):
                return  # the client's good right, and what its test looks at
            await self._play(script, Peer(whole, self.received))

    async def _play(self, script: Script, peer: Peer) -> None:
        try:
            await script(peer)
        except Exception as failure:  # noqa: BLE001 - raised where the test stands
            self.failure = self.failure or failure
            self.body.cancel()
            return
        self._played += 1
        self._changed.set()
        self._changed = anyio.Event()


async def _encrypted(stream: ByteStream, context: ssl.SSLContext) -> ByteStream:
    # Not standard-compatible: a close without close_notify is an ordinary end here.
    return await TLSStream.wrap(
        stream, server_side=True, ssl_context=context, standard_compatible=False
    )


def _matched(pattern: str, text: str) -> re.Match[str]:
    match = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)
    assert match is not None, f"expected {pattern!r}, got {text!r}"
    return match
