"""Mail that breaks other programs: stored byte for byte, and nobody waits for it (T13-T24)."""

from __future__ import annotations

import resource
from datetime import UTC, datetime
from pathlib import Path

from servers import gate
from servers.daemon import Inboxd
from servers.mailbox import AnyMailbox, Server, everywhere

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
    "NUL": b"Subject: a\0b\r\nX: \0\r\n\r\nnul \0 here\r\n",
}


REFUSED = {"dovecot": (), "cyrus": ("no header", "NUL"), "pymap": ("nested",)}
"""What a server does not take, so that nobody can have it there."""


@everywhere()
def test_odd_mail_is_stored_byte_for_byte_and_read(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T13, T22, T24: and each can be shown.

    The bytes are the server's: Dovecot hands out 0x80 for NUL in BODY[], pymap NUL.
    """
    mails = [raw for name, raw in ODD.items() if name not in REFUSED[anywhere.where]]
    with anywhere.writer() as writer, Inboxd(tmp_path) as inboxd:
        for raw in mails[::2]:
            writer.deliver("INBOX", raw)
        account = inboxd.add(anywhere.user, anywhere.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        after = inboxd.last_event()
        live = mails[1::2]
        for raw in live:
            writer.deliver("INBOX", raw)
        inboxd.events(after, len(live))
        assert len(gate.settled(inboxd, account, anywhere)) == len(mails)
        for one in inboxd.messages(account):
            shown = inboxd.client.get(f"/v1/messages/{one['id']}")
            for text in (shown["subject"], shown["text"], shown["snippet"]):
                assert "\0" not in text
                text.encode()
        assert list(inboxd.client.items("/v1/quarantine")) == []
        inboxd.stop()


@everywhere(but={"pymap": "it answers with whole messages made in memory, as no real server does"})
def test_a_huge_message_neither_fills_the_memory_nor_holds_up_others(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T14: larger than is fetched, and one just below that; the ledger says which is which."""
    head = b"Subject: huge\r\nFrom: a@b.c\r\n\r\n"
    line = b"x" * 998 + b"\r\n"
    with anywhere.writer() as writer:
        too_large = writer.deliver("INBOX", head + line * 60_000)
        large = writer.deliver("INBOX", head + line * 40_000)
        small = writer.deliver("INBOX", b"Subject: small\r\n\r\nhi\r\n")
    with Inboxd(tmp_path) as inboxd:
        account = inboxd.add(anywhere.user, anywhere.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        outcomes = {spot.uid: value for spot, value in gate.outcomes(inboxd).items()}
        assert outcomes == {
            too_large: ("skipped", "too_large"),
            large: ("stored", None),
            small: ("stored", None),
        }
        assert inboxd.process is not None
        status = Path(f"/proc/{inboxd.process.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
        assert peak < 420 * MIB, f"{peak / MIB:.0f} MiB"
        print(f"T14: peak {peak / MIB:.0f} MiB, page size {resource.getpagesize()}")
        inboxd.stop()


@everywhere()
def test_the_same_message_id_three_times_is_three_messages(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T21, P14: and the same bytes in two folders are one."""
    head = b"Message-ID: <same@test.example>\r\nSubject: s\r\n\r\n"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with anywhere.writer() as writer:
        for text in (b"one\r\n", b"two\r\n", b"three\r\n"):
            writer.deliver("INBOX", head + text)
        writer.deliver("Archive", head + b"one\r\n", at)
    with Inboxd(tmp_path) as inboxd:
        account = inboxd.add(anywhere.user, anywhere.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        found = inboxd.messages(account)
        assert sorted(len(one["placements"]) for one in found) == [1, 1, 2]
        gate.settled(inboxd, account, anywhere)
        inboxd.stop()
