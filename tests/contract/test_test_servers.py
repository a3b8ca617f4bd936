"""The servers, the writer and the reader that other tests lean on do what they say."""

from __future__ import annotations

import hashlib
import imaplib
import re
import socket
import ssl
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import trustme
from anyio.abc import SocketAttribute, SocketStream

from conftest import Mailbox
from servers.dovecot import Dovecot
from servers.mailmaker import Mailmaker
from servers.oracle import Spot
from servers.pymap_server import Pymap
from servers.relay import Direction, FaultProxy
from servers.scripted import Peer, Scripted

MAILS = 1_000

KINDS = ("multipart/alternative", "multipart/mixed", "text/html", "application/pdf")

SILENCE_SECONDS = 0.2
"""How long nothing must come: what does not happen has no event to wait for."""


def test_made_up_mail_is_the_same_for_a_seed_and_has_the_sizes_of_real_mail() -> None:
    sizes = [len(mail) for mail in Mailmaker(1).mails(20_000)]
    assert 5_500 < statistics.median(sizes) < 6_500
    assert 450e6 < sum(sizes) < 550e6
    assert list(Mailmaker(2).mails(50)) == list(Mailmaker(2).mails(50))
    assert list(Mailmaker(2).mails(50)) != list(Mailmaker(3).mails(50))


def test_made_up_mail_has_contacts_threads_and_parts_and_no_bare_line_ends() -> None:
    contact = "vip@customer.example"
    mails = list(Mailmaker(1).mails(MAILS, contacts=[contact], share=0.03))
    assert not [mail for mail in mails if re.search(rb"\r(?!\n)|(?<!\r)\n", mail)]
    parsed = [message_from_bytes(mail, policy=default) for mail in mails]
    assert sum(contact in one["From"] for one in parsed) == 15
    assert sum(contact in one["To"] for one in parsed) == 15
    known = {one["Message-ID"] for one in parsed}
    answers = [one["In-Reply-To"] for one in parsed if one["In-Reply-To"]]
    assert 300 < len(answers) < 500
    assert known.issuperset(answers)
    kinds = Counter(part.get_content_type() for one in parsed for part in one.walk())
    assert min(kinds[kind] for kind in KINDS) > 200
    assert not [one for one in parsed if any(part.defects for part in one.walk())]


@pytest.mark.dovecot
def test_the_oracle_reads_what_the_writer_wrote(mailbox: Mailbox) -> None:
    mails = list(Mailmaker(3).mails(MAILS))
    with mailbox.writer() as writer:
        assert writer.fill("INBOX", mails) == MAILS
    with mailbox.oracle() as oracle:
        found = oracle.read(("INBOX",))
    written = [hashlib.sha256(mail).hexdigest() for mail in mails]
    assert [found[spot] for spot in sorted(found)] == written


@pytest.mark.dovecot
def test_the_writer_moves_expunges_and_dates(mailbox: Mailbox) -> None:
    maker = Mailmaker(5)
    at = datetime(2020, 2, 29, 12, 30, tzinfo=UTC)
    with mailbox.writer() as writer:
        gone, moved, kept = (writer.deliver("INBOX", maker.mail(), at) for _ in range(3))
        writer.expunge("INBOX", gone)
        writer.move("INBOX", moved, "Archive")
    with mailbox.oracle() as oracle:
        spots = oracle.read()
    assert {(spot.folder, spot.uid) for spot in spots} == {("INBOX", kept), ("Archive", 1)}
    dates = mailbox.server.doveadm(
        "fetch", "-u", mailbox.user, "date.received.unixtime", "mailbox", "INBOX"
    )
    assert str(int(at.timestamp())) in dates


@pytest.mark.dovecot
@pytest.mark.parametrize("name", ['"""""""', "back\\slash", "R&D * %", "Großkunden", "日本"])
def test_the_oracle_reads_folders_of_any_name(mailbox: Mailbox, name: str) -> None:
    """T29: a server may send a name as a literal."""
    with mailbox.writer() as writer:
        writer.create(name)
        uid = writer.deliver(name, b"Subject: one\r\n\r\n")
    with mailbox.oracle() as oracle:
        assert name in oracle.folders()
        (spot,) = oracle.read()
    assert spot == Spot(name, spot.uidvalidity, uid)


@pytest.mark.dovecot
def test_a_paused_connection_goes_on_and_a_killed_one_ends(mailbox: Mailbox) -> None:
    server = mailbox.server
    imap = imaplib.IMAP4("127.0.0.1", server.port, timeout=10)
    imap.login(mailbox.user, mailbox.password)
    sock = imap.socket()
    paused = server.pause(mailbox.user)
    assert len(paused) == 1
    sock.settimeout(SILENCE_SECONDS)
    imap.send(b"p1 NOOP\r\n")
    with pytest.raises(TimeoutError):
        sock.recv(1)
    server.resume(paused)
    sock.settimeout(10)
    assert sock.recv(100).startswith(b"p1 OK")
    assert server.kill_imap_processes(mailbox.user) == 1
    assert sock.recv(100) == b""
    imap.shutdown()


@pytest.mark.dovecot
def test_a_restarted_server_has_its_mail_and_takes_other_settings() -> None:
    with Dovecot(extra="protocol imap {\n  imap_capability = IMAP4rev1\n}\n") as server:
        with Mailbox(server, "u1").writer() as writer:
            writer.fill("INBOX", Mailmaker(7).mails(3))
        ports = server.port, server.tls_port
        server.restart()
        assert ports == (server.port, server.tls_port)
        with Mailbox(server, "u1").oracle() as oracle:
            assert len(oracle.read(("INBOX",))) == 3
        with imaplib.IMAP4("127.0.0.1", server.port, timeout=10) as imap:
            imap.login("u1", "pw1")
            assert set(imap.capability()[1]) == {b"IMAP4rev1"}


@asynccontextmanager
async def echo() -> AsyncIterator[FaultProxy]:
    """A proxy before a server that sends back what it gets."""

    async def answer(stream: SocketStream) -> None:
        async with stream:
            try:
                async for data in stream:
                    await stream.send(data)
            except anyio.BrokenResourceError:
                return

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, answer)
            async with FaultProxy.to(port) as proxy:
                yield proxy
            tasks.cancel_scope.cancel()


async def connected(port: int) -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", port)


async def received(stream: SocketStream, count: int) -> bytes:
    data = b""
    with anyio.fail_after(5):
        while len(data) < count:
            data += await stream.receive()
    return data


async def is_silent(stream: SocketStream) -> bool:
    with anyio.move_on_after(SILENCE_SECONDS) as scope:
        await stream.receive(1)
    return scope.cancelled_caught


async def test_the_proxy_cuts_each_connection_after_its_number_of_bytes() -> None:
    async with echo() as proxy:
        proxy.cut_after([3, 1])
        for count in (3, 1):
            async with await connected(proxy.port) as stream:
                await stream.send(b"abcdef")
                assert await received(stream, count) == b"abcdef"[:count]
                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await stream.receive()
        async with await connected(proxy.port) as stream:
            await stream.send(b"abcdef")
            assert await received(stream, 6) == b"abcdef"
        assert proxy.connections == 3


async def test_the_proxy_resets_every_open_connection() -> None:
    async with echo() as proxy:
        streams = [await connected(proxy.port) for _ in range(3)]
        await proxy.await_connections(3)
        assert proxy.open_connections == 3
        proxy.reset_all()
        for stream in streams:
            with anyio.fail_after(5), pytest.raises(anyio.BrokenResourceError) as broken:
                await stream.receive()
            assert isinstance(broken.value.__cause__, ConnectionResetError)
            await stream.aclose()


@pytest.mark.parametrize("direction", Direction)
async def test_a_stalled_proxy_holds_bytes_back_until_it_resumes(direction: Direction) -> None:
    async with echo() as proxy, await connected(proxy.port) as stream:
        await stream.send(b"a")
        assert await received(stream, 1) == b"a"
        proxy.stall(direction)
        await stream.send(b"bc")
        assert await is_silent(stream)
        proxy.resume()
        assert await received(stream, 2) == b"bc"


async def test_a_half_open_connection_tells_nothing_of_the_servers_end() -> None:
    """T9."""
    leave = anyio.Event()

    async def greet(peer: Peer) -> None:
        await peer.send(b"* OK\r\n")
        await leave.wait()

    async with (
        Scripted.playing(greet) as server,
        FaultProxy.to(server.port) as proxy,
        await connected(proxy.port) as stream,
    ):
        assert await received(stream, 6) == b"* OK\r\n"
        proxy.stall()
        leave.set()
        await server.await_played()
        assert await is_silent(stream)
        proxy.resume()
        with anyio.fail_after(5), pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_a_trickle_comes_in_pieces() -> None:
    """T7."""
    async with echo() as proxy, await connected(proxy.port) as stream:
        proxy.trickle(1, SILENCE_SECONDS / 4)
        began = time.monotonic()
        await stream.send(b"abcde")
        assert await received(stream, 5) == b"abcde"
        assert time.monotonic() - began >= SILENCE_SECONDS * 0.9


def test_a_test_without_an_event_loop_steers_the_proxy_from_a_portal() -> None:
    with (
        Pymap() as server,
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(FaultProxy.to(server.port)) as proxy,
    ):
        imap = imaplib.IMAP4("127.0.0.1", proxy.port, timeout=5)
        imap.login(server.user, server.password)
        assert "OBJECTID" in imap.capability()[1][0].decode()
        portal.call(proxy.reset_all)
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            imap.noop()
        imap.shutdown()


async def login(peer: Peer) -> None:
    await peer.send(b"* OK ready\r\n")
    command = await peer.expect(r"login (\S+) (\S+)")
    await peer.answer(f"OK hello {command[1]}")
    await peer.expect_close()


async def test_a_script_is_played_to_its_end() -> None:
    async with Scripted.playing(login) as server:
        async with await connected(server.port) as stream:
            assert await received(stream, 12) == b"* OK ready\r\n"
            await stream.send(b"a1 LOGIN ann pw\r\n")
            assert await received(stream, 17) == b"a1 OK hello ann\r\n"
        with anyio.fail_after(5):
            await server.await_played()
        assert server.received == b"a1 LOGIN ann pw\r\n"


@pytest.mark.parametrize(
    ("sent", "told"), [(b"a1 NOOP\r\n", "got 'NOOP'"), (b"", "the client went")]
)
async def test_a_script_that_fails_fails_the_test(sent: bytes, told: str) -> None:
    async def wait_for_more() -> None:
        async with Scripted.playing(login) as server, await connected(server.port) as stream:
            await stream.send(sent)
            if not sent:
                await stream.send_eof()
            await anyio.sleep_forever()

    with anyio.fail_after(5), pytest.raises(AssertionError, match=told):
        await wait_for_more()


async def test_a_failing_test_tells_its_own_failure() -> None:
    async def hang(_: Peer) -> None:
        await anyio.sleep_forever()

    with pytest.raises(KeyError, match="mine"):
        async with Scripted.playing(hang) as server, await connected(server.port):
            raise KeyError("mine")


async def test_each_connection_has_its_script_and_the_last_is_for_the_rest() -> None:
    async def first(peer: Peer) -> None:
        await peer.send(b"1")

    async def rest(peer: Peer) -> None:
        await peer.send(b"2")

    async with Scripted.playing(first, rest) as server:
        said = []
        for _ in range(3):
            async with await connected(server.port) as stream:
                said.append(await received(stream, 1))
        assert said == [b"1", b"2", b"2"]


@pytest.fixture
def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_script_under_tls_is_for_clients_that_trust_it(
    serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """T15: that a client refuses the certificate is no failure of the script's."""

    async def greet(peer: Peer) -> None:
        await peer.send(b"* OK\r\n")

    async def refused(_: Peer) -> None:
        raise AssertionError("nobody who distrusts the certificate gets here")

    def greeting(context: ssl.SSLContext) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock,
            context.wrap_socket(sock, server_hostname="localhost") as wrapped,
        ):
            return wrapped.recv(10)

    async with Scripted.playing(greet, refused, tls=serving) as server:
        assert await anyio.to_thread.run_sync(greeting, trusting) == b"* OK\r\n"
        with pytest.raises(ssl.SSLCertVerificationError):
            await anyio.to_thread.run_sync(greeting, ssl.create_default_context())


async def test_a_script_goes_over_to_tls(
    serving: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async def upgrade(peer: Peer) -> None:
        await peer.send(b"* OK ready\r\n")
        for command in ("CAPABILITY", "STARTTLS", "CAPABILITY", "LOGOUT"):
            await peer.expect(command)
            if command == "CAPABILITY":
                await peer.send(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n")
            await peer.answer("OK done")
            if command == "STARTTLS":
                await peer.start_tls(serving)

    def speak(port: int) -> None:
        with imaplib.IMAP4("localhost", port, timeout=5) as imap:
            imap.starttls(trusting)

    async with Scripted.playing(upgrade) as server:
        await anyio.to_thread.run_sync(speak, server.port)
        with anyio.fail_after(5):
            await server.await_played()
