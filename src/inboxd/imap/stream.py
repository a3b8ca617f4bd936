"""The way of the bytes: TCP, then TLS, then perhaps DEFLATE, each an anyio byte stream.

Nothing here knows IMAP, save the two lines of dialogue that STARTTLS needs before TLS begins.
"""

from __future__ import annotations

import os
import socket
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSStream

from inboxd.imap.refusals import greeting_refused
from inboxd.imap.responses import parse_status
from inboxd.model.answers import shown
from inboxd.model.errors import (
    CannotConnect,
    ConnectionLost,
    NotAMailServer,
    PlaintextRefused,
    TlsUnavailable,
    TlsUntrusted,
)
from inboxd.model.server import Endpoint, Security

_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    # What was sent and not acknowledged for 90 s ends the connection; the kernel's own patience
    # is a quarter of an hour.
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 90_000),
)
"""They find a dead line. A hung server keeps acknowledging: that is found by deadlines alone."""

MAX_GREETING_BYTES = 8_192
"""A greeting is one line; RFC 7162 4 advises servers to accept and send no longer ones."""

INFLATED_AT_ONCE = 64 * 1024
"""Bytes that one read inflates to at most: a bomb is met by the limits on lines and literals."""


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """How servers are verified: chain and host name, TLS 1.2 or newer (RFC 8314 4.1).

    `ca_file` adds authorities to the system's. Raises OSError or ssl.SSLError for a file that is
    not there or holds no certificates.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that is as protected as the endpoint asks for."""

    stream: ByteStream
    greeted: bool
    """The greeting came before STARTTLS and is not repeated after it (RFC 3501 6.2.1)."""


async def open_stream(
    endpoint: Endpoint, tls: ssl.SSLContext, *, deadline_seconds: float
) -> Opened:
    """Connect and protect.

    Raises PlaintextRefused, CannotConnect, TlsUntrusted, TlsUnavailable or NotAMailServer; no
    byte of a login was sent then.
    """
    if endpoint.security is Security.NONE and not endpoint.is_this_machine:
        raise PlaintextRefused(
            f"{endpoint.host} is not this machine, so the password would travel in the clear: "
            "use tls (port 993) or starttls (port 143)."
        )
    try:
        with anyio.fail_after(deadline_seconds), _translated(endpoint):
            plain = await anyio.connect_tcp(endpoint.host.strip("[]"), endpoint.port)
            try:
                return await _protected(endpoint, plain, tls)
            except BaseException:
                await anyio.aclose_forcefully(plain)
                raise
    except TimeoutError:
        hint = (
            " Ports that expect TLS from the first byte (993) stay silent like this: use tls."
            if endpoint.security is not Security.TLS
            else ""
        )
        raise CannotConnect(
            f"{_where(endpoint)} gave no answer within {deadline_seconds:g} s: check host and "
            f"port.{hint}"
        ) from None


async def _protected(endpoint: Endpoint, plain: ByteStream, tls: ssl.SSLContext) -> Opened:
    raw = plain.extra(SocketAttribute.raw_socket)  # noqa: S610 - no SQL here
    for level, option, value in _KEEPALIVE:
        raw.setsockopt(level, option, value)
    if endpoint.security is Security.NONE:
        return Opened(plain, greeted=False)
    if endpoint.security is Security.STARTTLS:
        await _ask_for_tls(endpoint, plain)
    protected = await TLSStream.wrap(
        plain,
        hostname=endpoint.host.strip("[]"),
        ssl_context=tls,
        # Waiting for the other side's closing alert would let it hold up every goodbye.
        standard_compatible=False,
    )
    return Opened(protected, greeted=endpoint.security is Security.STARTTLS)


async def _ask_for_tls(endpoint: Endpoint, plain: ByteStream) -> None:
    """The dialogue before TLS; it fails closed, and nothing of it is believed afterwards.

    Bytes behind a line were put there to be read as if TLS protected them (STARTTLS injection):
    they end the connection.
    """
    greeting = parse_status((await _line(endpoint, plain)).removeprefix(b"* "))
    if greeting is None:
        raise not_imap(endpoint, "")
    if greeting.result == "PREAUTH":
        raise TlsUnavailable(
            f"{_where(endpoint)} logs in without a login, which leaves no room for STARTTLS: "
            "use tls (port 993)."
        )
    if greeting.result != "OK":
        raise greeting_refused(_where(endpoint), greeting)
    await plain.send(b"S1 STARTTLS\r\n")
    answer = await _line(endpoint, plain)
    while answer.startswith(b"* "):
        answer = await _line(endpoint, plain)
    status = parse_status(answer.removeprefix(b"S1 "))
    if not answer.startswith(b"S1 ") or status is None or status.result != "OK":
        raise TlsUnavailable(
            f"{_where(endpoint)} does not offer STARTTLS, and without it no login is tried: use "
            "tls (usually port 993), or ask the provider for the right port."
        )


async def _line(endpoint: Endpoint, plain: ByteStream) -> bytes:
    """One line and nothing behind it."""
    received = b""
    while b"\n" not in received:
        if len(received) > MAX_GREETING_BYTES:
            raise not_imap(endpoint, received[:40].decode("latin-1"))
        received += await plain.receive(MAX_GREETING_BYTES)
    line, _, rest = received.partition(b"\n")
    if rest:
        raise TlsUnavailable(
            f"{_where(endpoint)} sent more than it should before TLS began: somebody may be "
            "tampering with the connection. Use tls (port 993)."
        )
    return line.rstrip(b"\r")


def not_imap(endpoint: Endpoint, answer: str) -> NotAMailServer:
    """What answers there speaks something else."""
    quoted = f" ({shown(answer)})" if shown(answer) else ""
    return NotAMailServer(
        f"What answers at {_where(endpoint)} is no IMAP server{quoted}: check host and port; 993 "
        "is usual with tls, 143 with starttls."
    )


@contextmanager
def _translated(endpoint: Endpoint) -> Iterator[None]:
    where = _where(endpoint)
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TlsUntrusted(
            f"The certificate of {where} is not trusted: {error.verify_message}. Check the host "
            "name, or add the authority to tls.ca_file."
        ) from error
    except ssl.SSLError as error:
        raise TlsUnavailable(
            f"{where} does not speak TLS as expected ({error.reason or 'handshake failed'}): "
            "try starttls (usually port 143) or tls (usually port 993)."
        ) from error
    except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise CannotConnect(
            f"{where} closed the connection before it was usable: check host and port."
        ) from error
    except OSError as error:
        raise CannotConnect(
            f"No connection to {where}: {_reason(error)}. Check host and port."
        ) from error


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}"


def _reason(error: BaseException) -> str:
    """The operating system's own words; anyio wraps those of every address that it tried."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, ExceptionGroup):
            one = one.exceptions[0]
            continue
        if isinstance(one, OSError) and one.errno is not None and one.errno > 0:
            # asyncio's own text for it repeats the address and leaves out the reason.
            return os.strerror(one.errno)
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
        one = one.__cause__ or one.__context__
    return shown(str(error)) or type(error).__name__


class DeflateStream(ByteStream):
    """COMPRESS=DEFLATE over another stream (RFC 4978): raw deflate in both directions."""

    def __init__(self, inner: ByteStream, received: bytes) -> None:
        """`received` came in the same read as the OK to COMPRESS and is deflated already."""
        self._inner = inner
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._pending = received

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Inflated bytes, at most INFLATED_AT_ONCE. Raises ConnectionLost on corrupt data."""
        limit = min(max_bytes, INFLATED_AT_ONCE)
        while True:
            packed = self._pending or await self._inner.receive(max_bytes)
            try:
                plain = self._inflate.decompress(packed, limit)
            except zlib.error as error:
                raise ConnectionLost("The server's compressed stream is corrupt.") from error
            self._pending = self._inflate.unconsumed_tail
            if plain:
                return plain

    async def send(self, item: bytes) -> None:
        """Deflate and flush: a command must leave at once."""
        packed = self._deflate.compress(item) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._inner.send(packed)

    async def send_eof(self) -> None:
        """Close the sending side."""
        await self._inner.send_eof()

    async def aclose(self) -> None:
        """Close what lies below."""
        await self._inner.aclose()
