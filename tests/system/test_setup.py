"""A person's way through `inboxctl setup`, in a real terminal (P1-P5, P9)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conftest import Mailbox
from servers.daemon import Inboxd, inboxctl
from servers.terminal import Terminal

pytestmark = pytest.mark.dovecot

INBOXCTL = str(Path(sys.executable).with_name("inboxctl"))


def terminal(inboxd: Inboxd, *arguments: str) -> Terminal:
    return Terminal([INBOXCTL, "setup", *arguments], {"INBOXD_SOCKET": str(inboxd.socket)})


def answered(screen: Terminal, *answers: tuple[str, str]) -> None:
    for question, answer in answers:
        screen.until(question)
        screen.type(answer)


def fill(mailbox: Mailbox, count: int) -> None:
    with mailbox.writer() as writer:
        for number in range(count):
            writer.deliver("INBOX", b"From: a@b.example\r\nSubject: %d\r\n\r\nHi\r\n" % number)


def test_an_address_becomes_a_synced_mailbox_by_answering(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """The password is wrong at first, and so is the label."""
    fill(mailbox, 5)
    address = f"{mailbox.user}@127.0.0.1.invalid"
    with terminal(inboxd, address) as screen:
        answered(
            screen,
            ("Password", "wrong"),
            ("Try again?", "y"),
            ("by hand?", "y"),
            ("IMAP server", "localhost"),
            ("IMAP port", str(mailbox.server.port)),
            ("IMAP security", "none"),
            ("Send mail", "n"),
            ("Username", mailbox.user),
            ("Password", "wrong"),
            ("Try again?", "y"),
            ("by hand?", "n"),
            ("Username", ""),
            ("Password", mailbox.password),
            ("Track opens?", "y"),
            ("Track links?", "n"),
            ("Labels: all", "Inbax"),
            ("Labels: all", "INBOX"),
            ("Start date", "1y"),
            ("History of", "everyone"),
            ("Press Sync now?", "y"),
        )
        screen.until("is live: 5 of 5 historical messages")
        assert screen.ended() == 0
        assert "The nearest: INBOX" in screen.seen
        assert "wrong" not in screen.seen.replace("Wrong", "")
        assert mailbox.password not in screen.seen
    (account,) = inboxd.client.items("/v1/accounts")
    assert account["conditions"] == {
        "since": "1y",
        "history": "everyone",
        "labels": ["INBOX"],
        "tracking": {"opens": True, "links": False},
    }


def test_ctrl_c_keeps_what_was_answered_and_setup_goes_on(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    fill(mailbox, 2)
    inboxd.add(mailbox.user, mailbox.server.port)
    address = f"{mailbox.user}@example.org"
    with terminal(inboxd, address) as screen:
        answered(screen, ("Track opens?", "y"), ("Track links?", "y"))
        screen.until("Labels: all")
        screen.interrupt()
        assert screen.ended() == 1
        assert "What was answered is kept" in screen.seen
    with terminal(inboxd, address) as screen:
        screen.until("is connected already")
        answered(screen, ("Track opens?", "y"), ("Track links?", "y"), ("Labels: all", ""))
        answered(screen, ("Start date", "now"), ("Press Sync now?", "n"))
        screen.until("Nothing was fetched")
        assert "History of" not in screen.seen.partition("Start date [")[2].partition("START")[0]
        assert screen.ended() == 0
    assert list(inboxd.client.items("/v1/messages")) == []


def test_without_a_terminal_setup_says_what_to_use_instead(inboxd: Inboxd) -> None:
    done = inboxctl(inboxd.socket, "setup")
    assert done.returncode == 1
    assert "In scripts use: account add" in done.stderr
