"""The IMAP client against a real Dovecot, and against servers that misbehave on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from conftest import Mailbox
from inboxd.imap.client import Deadlines, ImapClient, connect, tls_context
from inboxd.imap.folders import encode_name
from inboxd.model.errors import (
    CommandRefused,
    ConnectionLost,
    LoginRejected,
    ServerSilent,
    ServerTrouble,
    TlsUntrusted,
)
from inboxd.model.ids import Uid, WireName
from inboxd.model.server import (
    Credentials,
    Endpoint,
    ListedFolder,
    Metadata,
    Security,
    SpecialUse,
    UidSet,
)
from servers.mailmaker import Mailmaker

pytestmark = pytest.mark.dovecot

INBOX = WireName(b"INBOX")

AWKWARD = ("New folder", 'say "hi"', "back\\slash", "a&b", "Entwürfe/Größe", "star*", "台北", "%s")


@asynccontextmanager
async def client(
    mailbox: Mailbox,
    security: Security = Security.NONE,
    *,
    deadlines: Deadlines | None = None,
    password: str = "",
) -> AsyncIterator[ImapClient]:
    port = mailbox.server.tls_port if security is Security.TLS else mailbox.server.port
    async with connect(
        Endpoint("localhost", port, security),
        Credentials(mailbox.user, password or mailbox.password),
        tls=tls_context(mailbox.server.ca_file),
        deadlines=deadlines,
    ) as connected:
        yield connected


@pytest.mark.parametrize("security", list(Security))
async def test_each_kind_of_protection_logs_in(mailbox: Mailbox, security: Security) -> None:
    async with client(mailbox, security) as imap:
        assert imap.can_idle
        assert imap.can_notify
        assert imap.can_list_status
        assert imap.can_esearch
        assert imap.can_condstore


async def test_a_wrong_password_is_a_clear_refusal(mailbox: Mailbox) -> None:
    """T16."""
    with pytest.raises(LoginRejected, match="refused the login") as refused:
        async with client(mailbox, password="wrong-secret"):
            pass
    assert "wrong-secret" not in str(refused.value)


async def test_an_unknown_authority_is_not_trusted(mailbox: Mailbox) -> None:
    """T15."""
    with pytest.raises(TlsUntrusted, match="not trusted"):
        async with connect(
            Endpoint("localhost", mailbox.server.tls_port, Security.TLS),
            Credentials(mailbox.user, mailbox.password),
            tls=tls_context(None),
        ):
            pass


async def test_a_certificate_for_another_name_is_not_trusted(mailbox: Mailbox) -> None:
    """T15."""
    with pytest.raises(TlsUntrusted):
        async with connect(
            Endpoint("127.1", mailbox.server.tls_port, Security.TLS),
            Credentials(mailbox.user, mailbox.password),
            tls=tls_context(mailbox.server.ca_file),
        ):
            pass


async def test_every_name_survives_the_way_there_and_back(mailbox: Mailbox) -> None:
    """T29: listed, examined and asked for its status by the name that people know."""
    with mailbox.writer() as writer:
        for name in AWKWARD:
            writer.create(name)
            writer.deliver(name, Mailmaker(1).mail())
    async with client(mailbox) as imap:
        by_name = {one.name: one for one in await imap.list_folders(status=True)}
        for name in AWKWARD:
            one = by_name[name]  # type: ignore[index]
            assert one.status is not None
            assert one.status.messages == 1
            status = await imap.examine(one.wire_name)
            assert (status.messages, status.uidnext) == (1, 2)
        assert by_name["Sent"].special_use is SpecialUse.SENT  # type: ignore[index]
        assert not by_name["Entwürfe"].selectable  # type: ignore[index]


async def test_a_folder_that_is_not_there_is_refused_and_nothing_is_selected(
    mailbox: Mailbox,
) -> None:
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        with pytest.raises(CommandRefused) as refused:
            await imap.examine(encode_name("Nowhere"))
        assert "doesn't exist" in str(refused.value)
        assert imap.selected is None
        await imap.examine(INBOX)


async def test_messages_come_as_they_are_and_nothing_is_marked_as_seen(mailbox: Mailbox) -> None:
    """P15."""
    mails = [
        Mailmaker(2).mail(),
        b'Subject: "(\r\n\r\n* 1 FETCH (\r\nA1 OK {3}\r\n',
        b"x: y\r\n\r\n",
    ]
    with mailbox.writer() as writer:
        for mail in mails:
            writer.deliver("INBOX", mail)
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        uids = await imap.search_uids()
        assert uids == UidSet.span(1, 3)
        assert [one.raw for one in await imap.fetch_bodies(uids)] == mails
        metadata = await imap.fetch_metadata(uids)
        assert [one.size for one in metadata] == [len(mail) for mail in mails]
        (header,) = await imap.fetch_headers(UidSet.of([1]), ("FROM", "TO"))
        assert header.header.lower().startswith(b"from: person <")
        everything, whole = await imap.fetch_new(Uid(2))
        assert [one.uid for one in everything] == [2, 3]
        assert [whole[one.uid].raw for one in everything] == mails[1:]
    with mailbox.oracle() as oracle:
        assert set(oracle.flags(("INBOX",)).values()) == {frozenset()}


async def test_asking_beyond_the_end_gives_nothing(mailbox: Mailbox) -> None:
    """T27: `999:*` answers with the last message."""
    with mailbox.writer() as writer:
        writer.deliver("INBOX", Mailmaker(3).mail())
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        assert await imap.fetch_metadata_from(Uid(999)) == []
        assert await imap.fetch_new(Uid(999)) == ([], {})


async def test_a_large_message_comes_in_pieces_and_whole(mailbox: Mailbox) -> None:
    large = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 200_000
    with mailbox.writer() as writer:
        writer.deliver("INBOX", large)
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        (metadata,) = await imap.fetch_metadata(UidSet.of([1]))
        fetched = await imap.fetch_large(metadata, limit=10_000_000)
        assert fetched is not None
        assert fetched.raw == large
        assert await imap.fetch_large(metadata, limit=1_000_000) is None
        gone = Metadata(Uid(77), 5_000_000, metadata.internal_date)
        assert await imap.fetch_large(gone, limit=10_000_000) is None


async def test_a_scattered_set_of_uids_is_asked_for_in_lines_that_servers_take(
    mailbox: Mailbox,
) -> None:
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(4, median_bytes=300).mails(6_000))
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        odd = UidSet.of(range(1, 6_000, 2))
        assert len(str(odd)) > 10_000
        assert len(await imap.fetch_metadata(odd)) == len(odd)
        assert await imap.search_uids(odd) == odd


async def test_idle_ends_with_news_and_keeps_it(mailbox: Mailbox) -> None:
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, _deliver, mailbox)
            await imap.idle(silence_seconds=20, cap_seconds=20)
        hints = imap.take_hints()
        assert hints.arrived
        assert hints.arrivals == 1
        assert hints.received_at is not None
        assert not imap.take_hints().any


def _deliver(mailbox: Mailbox) -> None:
    with mailbox.writer() as writer:
        writer.deliver("INBOX", Mailmaker(5).mail())


async def test_idle_ends_when_woken_and_when_its_time_is_over(mailbox: Mailbox) -> None:
    async with client(mailbox) as imap:
        await imap.examine(INBOX)
        imap.wake()
        await imap.idle(silence_seconds=60, cap_seconds=60)
        await imap.idle(silence_seconds=60, cap_seconds=0.01)
        await imap.idle(silence_seconds=0.01, cap_seconds=60)
        await imap.noop()


async def test_other_folders_tell_of_themselves(mailbox: Mailbox) -> None:
    """P11: also those whose names Dovecot does not dress for the wire."""
    with mailbox.writer() as writer:
        writer.create("Süd")
    async with client(mailbox) as imap:
        listed: dict[str, ListedFolder] = {
            one.name: one for one in await imap.list_folders(status=True)
        }
        await imap.examine(INBOX)
        await imap.notify()
        imap.take_hints()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, _deliver_to, mailbox, "Süd")
            told: dict[WireName, int] = {}
            with anyio.fail_after(20):
                while not told.get(listed["Süd"].wire_name):
                    await imap.idle(silence_seconds=20, cap_seconds=20)
                    for wire_name, status in imap.take_hints().folders:
                        told[wire_name] = 0 if status is None else status.messages


def _deliver_to(mailbox: Mailbox, folder: str) -> None:
    with mailbox.writer() as writer:
        writer.deliver(folder, Mailmaker(6).mail())


async def test_a_cancelled_command_ends_the_connection(mailbox: Mailbox) -> None:
    """Its late answer would be taken for another command's."""
    async with client(mailbox) as imap:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await imap.noop()
        with pytest.raises(ConnectionLost):
            await imap.noop()


async def test_a_server_that_hangs_is_given_up(mailbox: Mailbox) -> None:
    """T8: its kernel goes on acknowledging; only deadlines tell."""
    deadlines = Deadlines(command_silence=0.5, done=0.5)
    with pytest.raises(ServerSilent, match="did not answer"):
        async with client(mailbox, deadlines=deadlines) as imap:
            await imap.examine(INBOX)
            paused = await anyio.to_thread.run_sync(mailbox.server.pause, mailbox.user)
            try:
                await imap.noop()
            finally:
                mailbox.server.resume(paused)


async def test_a_server_that_hangs_in_idle_is_given_up(mailbox: Mailbox) -> None:
    """T8: DONE is not answered."""
    deadlines = Deadlines(command_silence=0.5, done=0.5)
    with pytest.raises(ServerSilent, match="DONE"):
        async with client(mailbox, deadlines=deadlines) as imap:
            await imap.examine(INBOX)
            paused, silent = list[int](), list[ServerSilent]()

            async def pause_then_wake() -> None:
                paused.extend(await anyio.to_thread.run_sync(mailbox.server.pause, mailbox.user))
                imap.wake()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pause_then_wake)
                try:
                    await imap.idle(silence_seconds=60, cap_seconds=60)
                except ServerSilent as error:
                    silent.append(error)
                finally:
                    mailbox.server.resume(paused)
            raise silent[0]


async def test_a_server_that_dies_is_noticed_at_once(mailbox: Mailbox) -> None:
    """T3: within a second, in IDLE too."""
    with pytest.raises(ServerTrouble), anyio.fail_after(5):
        async with client(mailbox) as imap:
            await imap.examine(INBOX)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(
                    anyio.to_thread.run_sync, mailbox.server.kill_imap_processes, mailbox.user
                )
                try:
                    await imap.idle(silence_seconds=60, cap_seconds=60)
                except ServerTrouble:
                    tasks.cancel_scope.cancel()
            await imap.noop()
