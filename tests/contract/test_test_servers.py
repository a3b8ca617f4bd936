"""The servers, the writer and the reader that other tests lean on do what they say."""

from __future__ import annotations

import hashlib
import imaplib
from datetime import UTC, datetime

import pytest

from conftest import Mailbox
from servers.dovecot import Dovecot
from servers.mailmaker import Mailmaker
from servers.oracle import Spot

MAILS = 1_000


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
@pytest.mark.parametrize("name", ['"""""""', "back\\slash", "R&D * %", "Großkunden"])
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
    sock.settimeout(0.2)
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
