"""Mail that breaks other programs: stored byte for byte, and nobody waits for it (T13-T24)."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import Mailbox
from faults.conftest import Somewhere
from servers import gate
from servers.daemon import Inboxd
from servers.fill import Writer

pytestmark = pytest.mark.dovecot

MIB = 1024 * 1024

ODD = {
    "nothing": b"\r\n",
    "no header": b"just text\r\n",
    "no body": b"Subject: only\r\n",
    "empty Message-ID": b"Message-ID: <>\r\nSubject: a\r\n\r\n1\r\n",
    "no Message-ID": b"Subject: b\r\n\r\n2\r\n",
    "a long Message-ID": b"Message-ID: <" + b"x" * 10_000 + b"@y>\r\n\r\n3\r\n",
    "a Message-ID that is not ASCII": "Message-ID: <\u00fc@\u00fc>\r\n\r\n4\r\n".encode(),
    "raw Latin-1": b"Subject: caf\xe9\r\nFrom: \xff\xfe <a@b.c>\r\n\r\n\xe9\xe8\r\n",
    "half a surrogate": b"Subject: =?utf-8?q?=ED=A0=80?=\r\n\r\n5\r\n",
    "SQL": b"Subject: '; DROP TABLE message; --\r\nFrom: %s%n <a'--@b.c>\r\n\r\n6\r\n",
    "nested": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(2_000)
    ),
    "open boundary": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    "a lie about its charset": b"Content-Type: text/plain; charset=x-no\r\n\r\n\x80\x81\r\n",
    "base64 that is none": b"Content-Transfer-Encoding: base64\r\n\r\n!!!!====\r\n",
    "a million dashes": b"Subject: c\r\n\r\n" + b"-" * MIB + b"\r\n",
    "a header of one megabyte": b"Subject: " + b"x" * MIB + b"\r\n\r\n7\r\n",
}


REFUSED = {"dovecot": 0, "cyrus": 6}
"""How many of these a server does not take in; what it refuses is not there to be synced."""


def delivered(writer: Writer, mails: Iterable[bytes]) -> int:
    """Append what the server takes in; how many it took."""
    taken = 0
    for raw in mails:
        try:
            writer.deliver("INBOX", raw)
            taken += 1
        except RuntimeError:
            continue
    return taken


# pymap 0.36 fails over such mail itself ("Unhandled server error").
@pytest.mark.parametrize("anywhere", ["dovecot", "cyrus"], indirect=True)
def test_odd_mail_is_stored_byte_for_byte_and_read(tmp_path: Path, anywhere: Somewhere) -> None:
    """T13, T22, T24: and each can be shown."""
    with anywhere.writer() as writer, Inboxd(tmp_path) as inboxd:
        before = delivered(writer, list(ODD.values())[::2])
        account = anywhere.add(inboxd)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        after = inboxd.last_event()
        live = delivered(writer, list(ODD.values())[1::2])
        inboxd.events(after, live)
        assert len(ODD) - before - live <= REFUSED[anywhere.kind]
        anywhere.settled(inboxd, account)
        for one in inboxd.messages(account):
            shown = inboxd.client.get(f"/v1/messages/{one['id']}")
            for text in (shown["subject"], shown["text"], shown["snippet"]):
                assert "\0" not in text
                text.encode()
        assert list(inboxd.client.items("/v1/quarantine")) == []
        inboxd.stop()


def test_nul_bytes_are_what_the_server_says_they_are(tmp_path: Path, mailbox: Mailbox) -> None:
    """T24: Dovecot hands out 0x80 for NUL in BODY[]; that is the message then."""
    with mailbox.writer() as writer, Inboxd(tmp_path) as inboxd:
        writer.deliver("INBOX", b"Subject: a\r\n\r\nnul \x00 here\r\n")
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        with mailbox.oracle() as oracle:
            gate.check(inboxd, account, oracle.read(("INBOX",)))
        inboxd.stop()


def test_a_huge_message_neither_fills_the_memory_nor_holds_up_others(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    """T14: larger than is fetched, and one just below that; the ledger says which is which."""
    head = b"Subject: huge\r\nFrom: a@b.c\r\n\r\n"
    line = b"x" * 998 + b"\r\n"
    with mailbox.writer() as writer:
        writer.deliver("INBOX", head + line * 60_000)
        writer.deliver("INBOX", head + line * 40_000)
        writer.deliver("INBOX", b"Subject: small\r\n\r\nhi\r\n")
    with Inboxd(tmp_path) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        outcomes = {spot.uid: value for spot, value in gate.outcomes(inboxd).items()}
        assert outcomes == {
            1: ("skipped", "too_large"),
            2: ("stored", None),
            3: ("stored", None),
        }
        assert inboxd.process is not None
        status = Path(f"/proc/{inboxd.process.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        assert peak < 420 * MIB, f"{peak / MIB:.0f} MiB"
        print(f"T14: peak {peak / MIB:.0f} MiB, page size {resource.getpagesize()}")
        inboxd.stop()


def test_the_same_message_id_three_times_is_three_messages(
    tmp_path: Path, anywhere: Somewhere
) -> None:
    """T21, P14: and the same bytes in two folders are one."""
    head = b"Message-ID: <same@test.example>\r\nSubject: s\r\n\r\n"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with anywhere.writer() as writer, Inboxd(tmp_path) as inboxd:
        writer.create("Copies")
        for text in (b"one\r\n", b"two\r\n", b"three\r\n"):
            writer.deliver("INBOX", head + text)
        writer.deliver("Copies", head + b"one\r\n", at)
        account = anywhere.add(inboxd)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        found = inboxd.messages(account)
        assert sorted(len(one["placements"]) for one in found) == [1, 1, 2]
        anywhere.settled(inboxd, account)
        inboxd.stop()
