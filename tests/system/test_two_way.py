"""Deleting and archiving here and there, removing an account, coming back (P16, P19, P23)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import PATIENCE_SECONDS, Inboxd, inboxctl

pytestmark = pytest.mark.dovecot


def mail(word: str) -> bytes:
    return (
        f"From: {word}-sender@planted.example\r\nTo: me@own.example\r\nSubject: {word} subject\r\n"
        f"Message-ID: <{word}@test.example>\r\n\r\n{word} body {'text ' * 50}\r\n"
    ).encode()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def subjects(inboxd: Inboxd) -> set[str]:
    return {one["subject"] for one in inboxd.client.items("/v1/messages")}


def here(inboxd: Inboxd, word: str) -> int:
    found = inboxd.client.items("/v1/messages")
    return next(int(one["id"]) for one in found if one["subject"] == f"{word} subject")


def folders_of(mailbox: Mailbox, word: str) -> set[str]:
    """Where the message with that word lies on the server."""
    with mailbox.oracle() as oracle:
        return oracle.folders_with(f"<{word}@test.example>")


def test_without_the_setting_the_server_is_untouched(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P23."""
    with mailbox.writer() as writer:
        writer.deliver("INBOX", mail("alpha"))
        writer.deliver("INBOX", mail("beta"))
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="1y", history="everyone", labels="all")
    with mailbox.oracle() as oracle:
        before = oracle.read(("INBOX", "Archive", "Trash"))
    alpha, beta = here(inboxd, "alpha"), here(inboxd, "beta")
    for _ in range(2):
        assert inboxctl(inboxd.socket, "message", "delete", str(alpha)).returncode == 0
    assert inboxctl(inboxd.socket, "message", "archive", str(beta)).returncode == 0
    with mailbox.writer() as writer:
        after = inboxd.last_event()
        writer.deliver("Sent", mail("gamma"))
        inboxd.events(after, 1)
    assert subjects(inboxd) == {"beta subject", "gamma subject"}
    assert inboxd.client.get(f"/v1/messages/{beta}")["archived"]
    with mailbox.oracle() as oracle:
        assert oracle.read(("INBOX", "Archive", "Trash")) == before


@pytest.mark.parametrize("word", ["delete", "archive"])
def test_with_the_setting_the_server_follows(inboxd: Inboxd, mailbox: Mailbox, word: str) -> None:
    """P23: to Trash, to Archive; once, also when it is asked twice and while it restarts."""
    with mailbox.writer() as writer:
        for one in ("alpha", "beta"):
            writer.deliver("INBOX", mail(one))
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="1y", history="everyone", labels="all")
    owner = f"{mailbox.user}@example.org"
    inboxctl(inboxd.socket, "settings", owner, f"mirror_{word}=true")
    assert inboxctl(inboxd.socket, "message", word, str(here(inboxd, "alpha"))).returncode == 0
    target = "Trash" if word == "delete" else "Archive"
    until(lambda: folders_of(mailbox, "alpha") == {target})
    inboxd.client.post(f"/v1/accounts/{account}/pause")
    inboxd.await_account(account, lambda now: now["phase"] == "paused")
    inboxctl(inboxd.socket, "message", word, str(here(inboxd, "beta")))
    inboxd.stop()
    inboxd.start()
    assert folders_of(mailbox, "beta") == {"INBOX"}
    inboxd.client.post(f"/v1/accounts/{account}/resume")
    until(lambda: folders_of(mailbox, "beta") == {target})
    if word == "archive":
        until(lambda: len(inboxd.messages(account, label="Archive")) == 2)
        assert len(inboxd.messages(account)) == 2


def test_two_owners_with_opposite_settings_on_one_server_are_told_apart(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P21-P23: what one chose is never another's."""
    other = Mailbox(mailbox.server, "u1199")
    settings = {
        mailbox: (
            "mirror_delete=true",
            "visibility=shared",
            "blocked=planted.example",
            "strict=true",
        ),
        other: ("mirror_delete=false", "visibility=private", "track_opens=true"),
    }
    for box, chosen in settings.items():
        with box.writer() as writer:
            writer.deliver("INBOX", mail("alpha"))
        account = inboxd.add(box.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        done = inboxctl(inboxd.socket, "settings", f"{box.user}@example.org", *chosen)
        assert done.returncode == 0, done.stderr
    with mailbox.writer() as writer, other.writer() as theirs:
        writer.deliver("INBOX", mail("beta"))
        after = inboxd.last_event()
        theirs.deliver("INBOX", mail("beta"))
        inboxd.events(after, 1)
    [mine, strangers] = [
        {one["subject"]: one for one in inboxd.messages(account["id"])}
        for account in inboxd.client.items("/v1/accounts")
    ]
    assert set(mine) == {"alpha subject"}, "beta's sender is blocked"
    assert set(strangers) == {"alpha subject", "beta subject"}
    for found in (mine, strangers):
        inboxd.client.delete(f"/v1/messages/{found['alpha subject']['id']}")
    until(lambda: folders_of(mailbox, "alpha") == {"Trash"})
    assert folders_of(other, "alpha") == {"INBOX"}
    assert strangers["beta subject"]["visibility"] == "private"
    again = inboxd.add(other.user, mailbox.server.port, address="second@example.org")
    assert not inboxd.account(again)["conditions"]["tracking"]["opens"], "another owner's default"


def test_mail_deleted_on_the_server_is_hidden_kept_or_purged_as_its_owner_chose(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P16."""
    with mailbox.writer() as writer:
        uids = [writer.deliver("INBOX", mail(one)) for one in ("alpha", "beta", "gamma")]
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        alpha, beta = here(inboxd, "alpha"), here(inboxd, "beta")
        after = inboxd.last_event()
        writer.expunge("INBOX", uids[0])
        inboxd.events(after, 1, kind="message.gone")
        assert inboxd.client.get(f"/v1/messages/{alpha}")["placements"] == []
        inboxctl(inboxd.socket, "settings", f"{mailbox.user}@example.org", "deleted-on-server=9d")
        inboxctl(inboxd.socket, "settings", f"{mailbox.user}@example.org", "strict=true")
        assert inboxctl(inboxd.socket, "message", "show", str(alpha)).returncode == 0
        owner = f"{mailbox.user}@example.org"
        inboxctl(inboxd.socket, "settings", owner, "deleted_on_server=purge")
        inboxd.events(after, 1, kind="message.purged")
        assert inboxctl(inboxd.socket, "message", "show", str(alpha)).returncode == 4
        writer.move("INBOX", uids[1], "Archive")
        until(lambda: len(inboxd.messages(account, label="Archive")) == 1)
        assert here(inboxd, "beta") == beta, "a move is no deletion"
    assert subjects(inboxd) == {"beta subject", "gamma subject"}


def test_a_purged_account_leaves_no_byte_and_others_stay(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P19: searched for in every file of the state directory, the log among them."""
    with mailbox.writer() as writer:
        for number in range(40):
            writer.deliver("INBOX", mail(f"zanzibar{number}"))
    address = f"{mailbox.user}@example.org"
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="1y", history="everyone", labels="all")
    inboxctl(inboxd.socket, "settings", address, "signature=zanzibar-regards")
    stays = inboxd.add(mailbox.user, mailbox.server.port, owner="somebody-else")
    inboxd.sync(stays, since="now", labels="all")
    done = inboxctl(inboxd.socket, "account", "remove", str(account), "--purge")
    assert done.returncode == 0, done.stderr
    for path in inboxd.state.iterdir():
        held = path.read_bytes() if path.is_file() else b""
        for planted in (b"zanzibar", b"planted.example"):
            assert planted not in held.lower(), (path.name, planted)
    gate.in_order(inboxd, stays)


def test_an_account_that_comes_back_goes_on_without_doubles(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P19: kept mail is known, and what came meanwhile is fetched by the new Sync."""
    with mailbox.writer() as writer:
        for number in range(10):
            writer.deliver("INBOX", mail(f"word{number}"))
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        done = inboxctl(inboxd.socket, "account", "remove", str(account))
        assert done.returncode == 0, done.stderr
        writer.deliver("INBOX", mail("meanwhile"))
    back = inboxd.add(mailbox.user, mailbox.server.port)
    assert back == account
    if inboxd.account(back)["synced_at"] is None:
        inboxd.client.post(f"/v1/accounts/{back}/sync")
    inboxd.await_live(back)
    until(lambda: len(inboxd.messages(back)) == 11)
    gate.in_order(inboxd, back)
