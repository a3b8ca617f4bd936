"""The gate with real mail on a real server: everyone, contacts, now, and then live."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd
from servers.mailmaker import Mailmaker

FOLDERS = ("INBOX", "Sent", "Archive", "Großkunden & Co 2026", "Projekte/Süd")

LIVE = 200

pytestmark = pytest.mark.dovecot


def real_mail(corpus: Path) -> dict[str, list[bytes]]:
    """The corpus over five folders; mbox lines off, line ends as IMAP wants them."""
    spread: dict[str, list[bytes]] = {folder: [] for folder in FOLDERS}
    for number, path in enumerate(sorted((corpus / "open").rglob("*.eml"))):
        raw = path.read_bytes()
        if raw.startswith(b"From "):
            raw = raw.partition(b"\n")[2]
        # NUL cannot be sent in a literal (RFC 3501 9), and an empty message is none.
        raw = re.sub(rb"\r?\n", b"\r\n", raw).replace(b"\0", b"\x80")
        if raw:
            spread[FOLDERS[number % len(FOLDERS)]].append(raw)
    return spread


def deliver(mailbox: Mailbox, mails: Mapping[str, list[bytes]]) -> None:
    with mailbox.writer() as writer:
        for folder in FOLDERS[3:]:
            writer.create(folder)
        for folder, some in mails.items():
            writer.fill(folder, some)


def test_everyone_and_then_two_hundred_live(
    inboxd: Inboxd, mailbox: Mailbox, corpus: Path
) -> None:
    """P5, P7, P10, P11, P14."""
    mails = real_mail(corpus)
    deliver(mailbox, mails)
    with mailbox.oracle() as oracle:
        before, flags = oracle.read(FOLDERS), oracle.flags(FOLDERS)
    account = inboxd.add(mailbox.user, mailbox.server.tls_port, "tls")
    inboxd.sync(account, since="1y", history="everyone", labels="all")
    gate.check(inboxd, account, before)

    after = inboxd.last_event()
    maker = Mailmaker(7)
    with mailbox.writer() as writer:
        for number in range(LIVE):
            writer.deliver(FOLDERS[number % len(FOLDERS)], maker.mail())
    inboxd.events(after, LIVE)
    with mailbox.oracle() as oracle:
        now = oracle.read(FOLDERS)
        assert {
            spot: flag for spot, flag in oracle.flags(FOLDERS).items() if spot in flags
        } == flags
    assert len(now) == len(before) + LIVE
    gate.check(inboxd, account, now)
    gate.covered(inboxd, account, now)
    inboxd.stop()
    gate.holds_none_of(inboxd, [mailbox.password + "\r"])


def test_contacts_leave_everybody_else_out(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P5, P6: outcome and reason for each, and nothing of the others anywhere."""
    contacts = [f"vip{n}@customer.example" for n in range(5)]
    for one in contacts:
        inboxd.client.post("/v1/contacts", {"name": "Someone", "addresses": [one]})
    maker = Mailmaker(11)
    secret = "stranger-who-is-nobody@elsewhere.example"
    with mailbox.writer() as writer:
        writer.fill("INBOX", maker.mails(400, contacts=contacts, share=0.05))
        writer.fill("Sent", [maker.mail(to=contacts[0], subject="To a contact")])
        writer.fill("INBOX", [maker.mail(sender=secret, subject="Unspeakable-subject")])
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="1y", history="contacts", labels="all")
    with mailbox.oracle() as oracle:
        everything = oracle.read(("INBOX", "Sent"))
    expected = {
        spot: digest
        for spot, digest in everything.items()
        if spot.folder == "Sent" or (spot.uid % 20 == 1 and spot.uid <= 400)
    }
    assert len(expected) == 21
    gate.check(inboxd, account, expected)
    gate.covered(inboxd, account, everything)
    skipped = {spot for spot, (what, _) in gate.outcomes(inboxd).items() if what == "skipped"}
    assert skipped == everything.keys() - expected.keys()
    inboxd.stop()
    gate.holds_none_of(inboxd, [secret, "Unspeakable-subject"])


def test_now_takes_no_history_and_everything_after(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P4, P7."""
    maker = Mailmaker(13)
    with mailbox.writer() as writer:
        writer.fill("INBOX", maker.mails(50))
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="now", labels="all")
        after = inboxd.last_event()
        for _ in range(5):
            writer.deliver("INBOX", maker.mail())
            writer.deliver("Sent", maker.mail())
    inboxd.events(after, 10)
    with mailbox.oracle() as oracle:
        now = oracle.read(("INBOX", "Sent"))
    expected = {
        spot: digest for spot, digest in now.items() if spot.folder == "Sent" or spot.uid > 50
    }
    gate.check(inboxd, account, expected)
    gate.covered(inboxd, account, expected)


def test_mail_that_comes_while_the_history_runs_is_there_at_once(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P10, P11: the two connections own disjoint UIDs."""
    maker = Mailmaker(17)
    with mailbox.writer() as writer:
        writer.fill("INBOX", maker.mails(2_000))
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.choose(account, since="1y", history="everyone", labels="all")
        after = inboxd.last_event()
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        inboxd.await_account(account, lambda now: now["phase"] == "backfilling")
        began = time.monotonic()
        writer.deliver("INBOX", maker.mail(subject="In the middle"))
        (event,) = inboxd.events(after, 1)
        taken_seconds = time.monotonic() - began
        assert event["data"]["subject"] == "In the middle"
        assert taken_seconds < 5
    inboxd.await_live(account)
    with mailbox.oracle() as oracle:
        gate.check(inboxd, account, oracle.read(("INBOX",)))
