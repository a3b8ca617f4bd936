"""The mailbox changes under the daemon: renumbered, renamed, deleted, emptied (T18-T20)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd
from servers.mailbox import AnyMailbox, Server, everywhere
from servers.mailmaker import Mailmaker

OPTIONS = {"sync": {"sweep_seconds": 1, "backoff_first_seconds": 0.05}}


WHOLE = {"since": "1y", "history": "everyone", "labels": "all"}


@contextmanager
def started(
    home: Path, mailbox: AnyMailbox[Server], **conditions: object
) -> Iterator[tuple[Inboxd, int]]:
    with Inboxd(home, options=OPTIONS) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, **conditions)
        yield inboxd, account
        inboxd.stop()


def renumber(mailbox: Mailbox, generation: int) -> None:
    mailbox.server.doveadm(
        "mailbox", "update", "-u", mailbox.user, "--uid-validity", str(generation), "INBOX"
    )


@pytest.mark.dovecot
@pytest.mark.parametrize("when", ["live", "offline", "six times"])
def test_a_renumbered_folder_costs_no_mail_and_hardly_a_fetch(
    tmp_path: Path, mailbox: Mailbox, when: str
) -> None:
    """T18: the same messages under new UIDs; nothing is stored anew."""
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(18, median_bytes=2_000).mails(100))
    with started(tmp_path, mailbox, **WHOLE) as (inboxd, account):
        ids = {one["id"] for one in inboxd.messages(account)}
        generation = max(spot.uidvalidity for spot in gate.placements(inboxd, account))
        if when == "offline":
            inboxd.stop()
        for number in range(6 if when == "six times" else 1):
            renumber(mailbox, generation + 10 + number)
        if when == "offline":
            inboxd.start()
            inboxd.await_live(account)
        gate.settled(inboxd, account, mailbox)
        assert {one["id"] for one in inboxd.messages(account)} == ids
        assert inboxd.account(account)["phase"] == "live"


@pytest.mark.dovecot
def test_a_renumbering_in_the_middle_of_the_history_loses_nothing(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    """T18."""
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(19, median_bytes=2_000).mails(1_500))
    options = {"sync": {**OPTIONS["sync"], "batch_messages": 20}}
    with Inboxd(tmp_path, options=options) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.choose(account, **WHOLE)
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        inboxd.await_account(account, lambda now: (now["history"] or {}).get("stored", 0) > 200)
        renumber(mailbox, 2_000_000_000)
        inboxd.await_live(account)
        gate.settled(inboxd, account, mailbox)
        assert len(inboxd.messages(account)) == 1_500
        inboxd.stop()


@everywhere()
def test_folders_renamed_deleted_and_made_anew_are_followed(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T19: placements move or become tombstones, and other folders go on."""
    maker = Mailmaker(20, median_bytes=1_000)
    with anywhere.writer() as writer:
        for folder in ("Plans", "Old"):
            writer.create(folder)
            writer.fill(folder, maker.mails(5))
        with started(tmp_path, anywhere, **WHOLE) as (inboxd, account):
            ids = {one["id"] for one in inboxd.messages(account)}
            writer.rename("Plans", "Plans 2027")
            writer.drop("Old")
            writer.create("Old")
            writer.fill("Old", maker.mails(2))
            gate.settled(inboxd, account, anywhere)
            kept = {one["id"] for one in inboxd.messages(account, label="Plans 2027")}
            assert len(kept) == 5
            assert kept <= ids, "renamed is not new"
            assert len(inboxd.messages(account, label="Old")) == 2
            after = inboxd.last_event()
            writer.deliver("INBOX", maker.mail())
            inboxd.events(after, 1)
            gate.settled(inboxd, account, anywhere)


@everywhere(but={"dovecot": "which can renumber a folder, see above"})
def test_a_folder_made_anew_with_the_same_mail_costs_none(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T18, T19: while nobody looked, every message got another UID in another generation."""
    mails = list(Mailmaker(23, median_bytes=1_000).mails(30))
    with anywhere.writer() as writer:
        writer.create("Plans")
        writer.fill("Plans", mails)
        with started(tmp_path, anywhere, **WHOLE) as (inboxd, account):
            before = {one["id"] for one in inboxd.messages(account)}
            inboxd.stop()
            writer.drop("Plans")
            writer.create("Plans")
            writer.fill("Plans", reversed(mails))
            inboxd.start()
            inboxd.await_live(account)
            gate.settled(inboxd, account, anywhere)
            assert {one["id"] for one in inboxd.messages(account)} == before


@everywhere()
def test_mail_expunged_while_it_comes_in_leaves_no_trouble(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T20: deleted between its metadata and its body, all through a history and live."""
    maker = Mailmaker(21, median_bytes=2_000)
    options = {"sync": {**OPTIONS["sync"], "batch_messages": 10}}
    with anywhere.writer() as writer, Inboxd(tmp_path, options=options) as inboxd:
        uids = [writer.deliver("INBOX", maker.mail()) for _ in range(150)]
        account = inboxd.add(anywhere.user, anywhere.server.port)
        inboxd.choose(account, **WHOLE)
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        for uid in uids[::3]:
            writer.expunge("INBOX", uid)
        for _ in range(30):
            writer.expunge("INBOX", writer.deliver("INBOX", maker.mail()))
        inboxd.await_live(account)
        gate.settled(inboxd, account, anywhere)
        assert inboxd.account(account)["trouble"] is None
        assert list(inboxd.client.items("/v1/quarantine")) == []
        inboxd.stop()


@pytest.mark.dovecot
def test_a_uid_beyond_two_to_the_31_is_stored_right(tmp_path: Path, mailbox: Mailbox) -> None:
    """T20: UIDNEXT jumps to four thousand million."""
    with started(tmp_path, mailbox, since="now", labels="all") as (inboxd, account):
        mailbox.server.doveadm(
            "mailbox", "update", "-u", mailbox.user, "--min-next-uid", "4000000000", "INBOX"
        )
        after = inboxd.last_event()
        with mailbox.writer() as writer:
            assert writer.deliver("INBOX", Mailmaker(22).mail()) >= 4_000_000_000
        inboxd.events(after, 1)
        gate.settled(inboxd, account, mailbox)
