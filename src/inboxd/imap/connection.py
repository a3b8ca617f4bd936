"""One connection: its stream, and one command at a time, each with a deadline.

Whoever waits for an answer reads the stream meanwhile; between commands nobody does. A reader task
of its own would cost 10 kB a connection, which a thousand idle accounts notice, and would hand
every answer from one task to another. A read can be cancelled at any moment without losing a byte:
what came stays with the stream.

A connection is never repaired. Whatever casts doubt on it (a deadline, a cancelled command, a
response that no grammar allows) ends it, and the account's loop makes a new one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

import anyio
from anyio.abc import ByteStream, SocketAttribute

from inboxd.imap.protocol import Exchange, ImapProtocol
from inboxd.imap.refusals import command_refused
from inboxd.imap.responses import Response, Status
from inboxd.imap.stream import DeflateStream
from inboxd.model.errors import ConnectionLost, InboxdError, ServerSilent
from inboxd.model.server import Endpoint

READ_BYTES = 64 * 1024
"""One TLS record holds 16 kB; larger reads than this gain nothing measurable."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a server may take, in seconds (measured needs: imap.md is the source of each)."""

    connect: float = 10
    greeting: float = 10
    command_silence: float = 60
    """Without a byte, not in all: a SELECT of a huge folder and a slow line both take long."""
    idle_start: float = 15
    done: float = 15
    """This finds a server that hangs: its kernel goes on acknowledging for ever."""
    logout: float = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """An OK with the responses that came before it."""

    status: Status
    responses: list[Response]


class Connection:
    """A stream and the conversation over it; owned by one task."""

    def __init__(
        self, endpoint: Endpoint, stream: ByteStream, deadlines: Deadlines, *, greeted: bool
    ) -> None:
        self.where = f"{endpoint.host}:{endpoint.port}"
        self.deadlines = deadlines
        self.protocol = ImapProtocol(self.where, greeted=greeted)
        self._stream = stream
        self._socket = stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - no SQL here
        self._waiting: anyio.CancelScope | None = None
        self._woken = False

    async def _hear(self) -> None:
        """Read once and feed the protocol. Raises nothing: the protocol keeps why it ended."""
        try:
            self.protocol.data_received(await self._stream.receive(READ_BYTES))
            if self.protocol.pending is not None:
                self._acknowledge()
            rest = self.protocol.take_compressed_rest()
            if rest is not None:
                self._stream = DeflateStream(self._stream, rest)
            await self._flush()
        except InboxdError as error:
            self.protocol.end(error)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.protocol.connection_lost(None)
        except OSError as error:
            # TLS alerts among them.
            self.protocol.end(
                ConnectionLost(f"The connection to {self.where} broke: {error.strerror}.")
            )

    async def _flush(self) -> None:
        if self.protocol.has_outgoing:
            await self._stream.send(self.protocol.take_outgoing())

    async def close(self) -> None:
        """Let go of the socket; bounded, and safe at any moment."""
        self.abort()
        with anyio.move_on_after(self.deadlines.logout, shield=True):
            await anyio.aclose_forcefully(self._stream)

    def abort(self, failure: InboxdError | None = None) -> None:
        """End the conversation now; commands under way fail with `failure`."""
        self.protocol.end(failure or ConnectionLost(f"The connection to {self.where} was ended."))

    # --- commands --------------------------------------------------------------------------------

    async def run(
        self, name: str, *args: str, prefix: str = "", answers: Iterable[bytes] = ()
    ) -> Answer:
        """Give a command and wait for its OK.

        Raises CommandRefused or Throttled for NO and BAD, ServerSilent after the deadline, and
        what ended the connection.
        """
        status, responses = await self.ask(name, *args, prefix=prefix, answers=answers)
        if status.result != "OK":
            raise command_refused(self.where, name, status)
        return Answer(status, responses)

    async def ask(
        self, name: str, *args: str, prefix: str = "", answers: Iterable[bytes] = ()
    ) -> tuple[Status, list[Response]]:
        """As `run`, but NO and BAD are an answer too."""
        exchange = self.protocol.begin(name, *args, prefix=prefix, answers=answers)
        try:
            await self._send(self.deadlines.command_silence)
            await self._finished(exchange, name)
        except BaseException:
            # Also when cancelled: its late answer would be taken for that of another command.
            self.abort()
            raise
        if exchange.status is None:
            raise exchange.failure or ConnectionLost(f"{self.where} is gone.")
        return exchange.status, exchange.responses

    async def _send(self, seconds: float) -> None:
        try:
            with anyio.fail_after(seconds):
                await self._flush()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise self._silent("a command", seconds) from None
            # Why it ended may be among what was not read yet: a server's farewell.
            await self._last_words()

    async def _last_words(self) -> None:
        with anyio.move_on_after(self.deadlines.logout):
            while self.protocol.failure is None:
                await self._hear()
        self.protocol.connection_lost(None)

    async def _finished(self, exchange: Exchange, name: str) -> None:
        silence = self.deadlines.command_silence
        asked_at = time.monotonic()
        while not exchange.finished:
            quiet = time.monotonic() - max(asked_at, self.protocol.heard_at)
            if quiet >= silence:
                raise self._silent(name, silence)
            with anyio.move_on_after(silence - quiet):
                while not exchange.finished:
                    await self._hear()

    def _silent(self, what: str, seconds: float) -> ServerSilent:
        error = ServerSilent(f"{self.where} did not answer {what} within {seconds:g} s.")
        self.protocol.end(error)
        return error

    async def greet(self) -> Status | None:
        """The greeting; None where it came before STARTTLS. Raises ServerSilent."""
        try:
            with anyio.fail_after(self.deadlines.greeting):
                while not self.protocol.greeted:
                    await self._hear()
        except TimeoutError:
            raise self._silent("with a greeting", self.deadlines.greeting) from None
        if self.protocol.failure is not None and self.protocol.greeting is None:
            raise self.protocol.failure
        return self.protocol.greeting

    async def farewell(self) -> None:
        """LOGOUT where it can be said; a server that does not answer is left without."""
        if self.protocol.failure is not None or self.protocol.pending is not None:
            return
        with anyio.move_on_after(self.deadlines.logout):
            try:
                await self.ask("LOGOUT")
            except InboxdError:
                return

    # --- waiting ---------------------------------------------------------------------------------

    def wake(self) -> None:
        """End the IDLE under way, or the next one as soon as it has begun."""
        self._woken = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def idle(self, *, silence_seconds: float, cap_seconds: float) -> bool:
        """IDLE (RFC 2177) until a hint comes, `wake` is called, or it has lasted long enough.

        Ends after `silence_seconds` without a byte, and after `cap_seconds` in any case. False
        when the server refuses to. Raises ServerSilent when it begins or ends too slowly.
        """
        exchange = self.protocol.begin("IDLE")
        try:
            await self._send(self.deadlines.idle_start)
            await self._idling(exchange)
            self._acknowledge()
            if not exchange.finished:
                await self._wait_for_hint(silence_seconds, cap_seconds)
                await self._done(exchange)
        except BaseException:
            self.abort()
            raise
        self._woken = False
        if exchange.status is None:
            raise exchange.failure or ConnectionLost(f"{self.where} is gone.")
        return exchange.status.result == "OK"

    async def _idling(self, exchange: Exchange) -> None:
        """Wait for `+`. Hints before it are legal and are kept."""
        with anyio.move_on_after(self.deadlines.idle_start):
            while not (exchange.continued or exchange.finished):
                await self._hear()
            return
        raise self._silent("IDLE", self.deadlines.idle_start)

    def _acknowledge(self) -> None:
        """Let the kernel acknowledge what was received now.

        Where nothing of ours follows that could carry the acknowledgement, it would come 40 ms
        later, and a server with Nagle's algorithm (Cyrus) holds back until then: its next push
        after `+`, and the rest of an answer that it writes in pieces of 4 KiB.
        """
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    async def _wait_for_hint(self, silence_seconds: float, cap_seconds: float) -> None:
        began = time.monotonic()
        while not (self._woken or self.protocol.hints.any or self.protocol.failure is not None):
            now = time.monotonic()
            quiet = now - max(began, self.protocol.heard_at)
            left = min(silence_seconds - quiet, began + cap_seconds - now)
            if left <= 0:
                return
            try:
                with anyio.move_on_after(left) as self._waiting:
                    await self._hear()
            finally:
                self._waiting = None

    async def _done(self, exchange: Exchange) -> None:
        if not exchange.finished:
            self.protocol.leave_idle()
            await self._send(self.deadlines.done)
            with anyio.move_on_after(self.deadlines.done):
                while not exchange.finished:
                    await self._hear()
        if not exchange.finished:
            raise self._silent("DONE", self.deadlines.done)
