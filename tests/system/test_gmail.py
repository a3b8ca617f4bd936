"""Gmail's labels (P8, P12, P14, P23), against a stand-in: no Gmail can be reached from a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from servers import gate
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.gmail import ALL_MAIL, TRASH, Gmail
from servers.mailmaker import Mailmaker
from servers.oracle import Oracle

OLD = datetime.now(UTC) - timedelta(days=5)


@pytest.fixture
def gmail() -> Iterator[Gmail]:
    with Gmail(own_labels=["Sales", "Sales/Éire", "Support"]).running() as server:
        yield server


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Inboxd]:
    with Inboxd(tmp_path, options={"sync": {"sweep_seconds": 0.5}}) as inboxd:
        yield inboxd
        inboxd.stop()


@pytest.fixture
def maker() -> Mailmaker:
    return Mailmaker(70, median_bytes=2_000)


def until(told: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def labels(inboxd: Inboxd, account: int) -> dict[int, set[str]]:
    """The labels of each stored message by its UID in All Mail."""
    return {
        one["placements"][0]["uid"]: set(one["labels"])
        for one in inboxd.messages(account)
        if one["placements"]
    }


def test_a_message_with_many_labels_is_one_message_with_one_placement(
    daemon: Inboxd, gmail: Gmail, maker: Mailmaker
) -> None:
    """P8, P14: all labels but Drafts; names as the list of labels has them."""
    first = gmail.deliver(maker.mail(), "\\Inbox", "Sales", "Sales/Éire", date=OLD)
    archived = gmail.deliver(maker.mail(), date=OLD)
    draft = gmail.deliver(maker.mail(), "\\Draft", date=OLD)
    account = daemon.add("ann", gmail.port)
    daemon.sync(account, since="1y", history="everyone", labels="all")
    after = daemon.last_event()
    sent = gmail.deliver(maker.mail(), "\\Sent")
    daemon.events(after, 1)
    assert labels(daemon, account) == {
        first: {"INBOX", "Sales", "Sales/Éire"},
        archived: set(),
        sent: {"[Gmail]/Sent Mail"},
    }
    with Oracle(gmail.port, "ann", "x") as oracle:
        everything = oracle.read([ALL_MAIL])
    expected = {spot: digest for spot, digest in everything.items() if spot.uid != draft}
    gate.check(daemon, account, expected)
    gate.covered(daemon, account, list(everything))
    assert len(daemon.messages(account, label="Sales/*")) == 1
    assert len(daemon.messages(account, query="label:Sales")) == 1
    assert daemon.client.post(f"/v1/accounts/{account}/verify")["good"]
    watched = [one["name"] for one in daemon.account(account)["folders"] if one["watch"]]
    assert watched == [ALL_MAIL]


def test_only_mail_with_a_chosen_label_comes_in(
    daemon: Inboxd, gmail: Gmail, maker: Mailmaker
) -> None:
    """P8, P12: of the history and of new mail; a message that gets the label later is new mail."""
    old = gmail.deliver(maker.mail(), "Sales", date=OLD)
    other = gmail.deliver(maker.mail(), "Support", date=OLD)
    account = daemon.add("ann", gmail.port)
    daemon.sync(account, since="1y", history="everyone", labels=["Sales"])
    assert set(labels(daemon, account)) == {old}
    after = daemon.last_event()
    gmail.deliver(maker.mail(), "\\Inbox")
    new = gmail.deliver(maker.mail(), "\\Inbox", "Sales")
    daemon.events(after, 1)
    assert set(labels(daemon, account)) == {old, new}
    after = daemon.last_event()
    gmail.label(other, "Sales")
    [event] = daemon.events(after, 1)
    assert not event["data"]["historical"]
    assert set(labels(daemon, account)) == {old, new, other}
    daemon.choose(account, labels=["Sales", "Support"])
    after = daemon.last_event()
    more = gmail.deliver(maker.mail(), "Support")
    daemon.events(after, 1)
    assert set(labels(daemon, account)) == {old, new, other, more}


def test_labels_changed_on_the_server_are_followed(
    daemon: Inboxd, gmail: Gmail, maker: Mailmaker
) -> None:
    """P16: archiving only changes labels; what no push tells of, the sweep finds."""
    uid = gmail.deliver(maker.mail(), "\\Inbox", date=OLD)
    account = daemon.add("ann", gmail.port)
    daemon.sync(account, since="1y", history="everyone", labels="all")
    after = daemon.last_event()
    gmail.label(uid, "Support", remove=("\\Inbox",))
    daemon.events(after, 1, "message.changed")
    assert labels(daemon, account) == {uid: {"Support"}}
    daemon.stop()
    gmail.label(uid, "\\Starred", remove=("Support",))
    daemon.start()
    until(lambda: labels(daemon, account) == {uid: {"[Gmail]/Starred"}})
    assert len(daemon.messages(account)) == 1


def test_labels_that_change_while_the_history_comes_in_are_right_in_the_end(
    tmp_path: Path, gmail: Gmail, maker: Mailmaker
) -> None:
    """P10, P12: what the history stored a moment ago may carry labels of before the change."""
    uids = [gmail.deliver(maker.mail(), "\\Inbox", date=OLD) for _ in range(30)]
    options = {"sync": {"sweep_seconds": 0.2, "batch_messages": 10}}

    def change(fetched: list[int]) -> None:
        for uid in fetched:
            gmail.label(uid, "Sales", remove=("\\Inbox",))
        looked = sum("CHANGEDSINCE" in one for one in gmail.commands)
        until(lambda: sum("CHANGEDSINCE" in one for one in gmail.commands) >= looked + 2)

    gmail.before_bodies = change
    with Inboxd(tmp_path, options=options) as inboxd:
        account = inboxd.add("ann", gmail.port)
        inboxd.choose(account, since="1y", history="everyone", labels="all")
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        inboxd.await_live(account)
        until(lambda: labels(inboxd, account) == {uid: {"Sales"} for uid in uids})
        inboxd.stop()


def test_deleting_and_archiving_here_do_on_gmail_what_they_mean_there(
    daemon: Inboxd, gmail: Gmail, maker: Mailmaker
) -> None:
    """P23: archived is without the inbox's label; deleted is in Trash."""
    keep = gmail.deliver(maker.mail(), "\\Inbox", "Sales", date=OLD)
    drop = gmail.deliver(maker.mail(), "\\Inbox", date=OLD)
    account = daemon.add("ann", gmail.port)
    daemon.client.patch(
        "/v1/owners/ann@example.org/settings", {"mirror_delete": True, "mirror_archive": True}
    )
    daemon.sync(account, since="1y", history="everyone", labels="all")
    ids = {one["placements"][0]["uid"]: one["id"] for one in daemon.messages(account)}
    daemon.client.post(f"/v1/messages/{ids[keep]}/archive")
    daemon.client.delete(f"/v1/messages/{ids[drop]}")
    until(lambda: gmail.labels_of(keep) == {"Sales"} and len(gmail.of(TRASH)) == 1)
    until(lambda: labels(daemon, account) == {keep: {"Sales"}})


def test_a_label_renamed_on_gmail_stays_chosen(
    daemon: Inboxd, gmail: Gmail, maker: Mailmaker
) -> None:
    """P12: its mail carries the new name."""
    uid = gmail.deliver(maker.mail(), "Sales/Éire", date=OLD)
    account = daemon.add("ann", gmail.port)
    daemon.sync(account, since="1y", history="everyone", labels=["Sales/Éire"])
    assert set(labels(daemon, account)) == {uid}
    after = daemon.last_event()
    gmail.rename("Sales/Éire", "Ireland")
    daemon.events(after, 1, "conditions.changed")
    assert daemon.account(account)["conditions"]["labels"] == ["Ireland"]
    until(lambda: labels(daemon, account) == {uid: {"Ireland"}})
    new = gmail.deliver(maker.mail(), "Ireland")
    until(lambda: set(labels(daemon, account)) == {uid, new})
