"""Preview, verify, why and quarantine against a real server (P9, P17, P18)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from conftest import Mailbox
from servers.daemon import Inboxd, inboxctl

pytestmark = pytest.mark.dovecot

VIP = "vip@customer.example"


def mail(number: int, sender: str = "stranger@elsewhere.example", *, to: str = "") -> bytes:
    to = to or "me@own.example"
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <{number}@test.example>\r\n\r\nBody {number}\r\n"
    ).encode()


@contextmanager
def store_of(inboxd: Inboxd) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(inboxd.state / "inboxd.db")) as connection, connection:
        yield connection


def synced(inboxd: Inboxd, mailbox: Mailbox, **conditions: object) -> str:
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, **conditions)
    return f"/v1/accounts/{account}"


def test_a_preview_counts_every_choice_and_stores_nothing(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P9: the counts are those that Sync then brings."""
    with mailbox.writer() as writer:
        for number in range(20):
            sender = VIP if number % 4 == 0 else "stranger@elsewhere.example"
            writer.deliver("INBOX", mail(number, sender))
        writer.deliver("Sent", mail(99, to=VIP))
    inboxd.client.post("/v1/contacts", {"name": "Vip", "addresses": [VIP]})
    account = inboxd.add(mailbox.user, mailbox.server.port)
    where = f"/v1/accounts/{account}"
    found = inboxd.client.post(f"{where}/preview", {"since": "1m", "history": "contacts"})
    by_choice = {(one["since"], one["history"]): one["messages"] for one in found["alternatives"]}
    assert by_choice["1m", "contacts"] == found["chosen"]["messages"] == 6
    assert by_choice["1y", "everyone"] == 21
    assert by_choice["now", None] == 0
    assert {one["folder"]: one["messages"] for one in found["folders"]} == {"INBOX": 5, "Sent": 1}
    assert found["chosen"]["seconds"] > 0
    with store_of(inboxd) as store:
        for table in ("message", "ledger", "message_address", "message_text"):
            count = store.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
            assert count.fetchone() == (0,)
    inboxd.sync(account, since="1m", history="contacts", labels="all")
    stored = list(inboxd.client.items("/v1/messages"))
    assert len(stored) == 6
    assert sum(one["size"] for one in stored) == found["chosen"]["bytes"]


def test_verify_is_silent_where_all_is_well_and_names_each_gap(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P18."""
    with mailbox.writer() as writer:
        for number in range(9):
            writer.deliver("INBOX", mail(number))
    where = synced(inboxd, mailbox, since="1y", history="everyone", labels="all")
    assert inboxd.client.post(f"{where}/verify")["good"]
    address = f"{mailbox.user}@example.org"
    assert inboxctl(inboxd.socket, "verify", address).returncode == 0
    with store_of(inboxd) as store:
        store.execute("DELETE FROM ledger WHERE uid IN (3, 4)")
        store.execute(
            "INSERT INTO ledger SELECT folder_id, uidvalidity, 999, 'skipped', 'before_start', "
            "NULL, NULL FROM ledger WHERE uid = 1"
        )
    done = inboxctl(inboxd.socket, "--json", "verify", address)
    assert done.returncode == 1, done.stderr
    inbox = next(one for one in json.loads(done.stdout)["folders"] if one["folder"] == "INBOX")
    assert [(gap["kind"], gap["uids"]) for gap in inbox["gaps"]] == [
        ("missing", [[3, 4]]),
        ("ghost", [[999, 999]]),
    ]
    for_people = inboxctl(inboxd.socket, "verify", address)
    assert "UIDs 3-4." in for_people.stderr + for_people.stdout


def test_why_answers_for_each_thing_that_can_have_become_of_a_message(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P18: stored, skipped, out of scope, gone, never seen."""
    inboxd.client.post("/v1/contacts", {"name": "Vip", "addresses": [VIP]})
    with mailbox.writer() as writer:
        kept = writer.deliver("INBOX", mail(1, VIP))
        writer.deliver("INBOX", mail(2))
        writer.deliver("Trash", mail(3, VIP))
    where = synced(inboxd, mailbox, since="1y", history="contacts", labels="all")

    def why(**question: str | int) -> list[tuple[str, str]]:
        found = inboxd.client.get(f"{where}/why", question)["items"]
        return [(one["state"], one["reason"]) for one in found]

    assert why(message_id="<1@test.example>") == [("stored", "")]
    assert why(message_id="2@test.example") == [("skipped", "not_a_contact")]
    assert why(message_id="3@test.example") == [("out_of_scope", "")]
    assert why(message_id="nobody@nowhere") == [("never_seen", "")]
    assert why(folder="INBOX", uid=kept) == [("stored", "")]
    assert sorted(why(address=VIP)) == [("out_of_scope", ""), ("stored", "")]
    before = inboxd.last_event()
    with mailbox.writer() as writer:
        writer.expunge("INBOX", kept)
    inboxd.events(before, 1, kind="message.gone")
    assert why(message_id="1@test.example") == [("gone", "")]
    refused = inboxctl(inboxd.socket, "why", f"{mailbox.user}@example.org")
    assert refused.returncode == 2


def test_a_blocked_sender_is_skipped_for_its_owner_alone(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """P21, P22."""
    account = inboxd.add(mailbox.user, mailbox.server.port)
    other = inboxd.add(mailbox.user, mailbox.server.port, owner="somebody-else")
    for one in (account, other):
        inboxd.sync(one, since="now", labels="all")
    owner = f"{mailbox.user}@example.org"
    done = inboxctl(inboxd.socket, "settings", owner, "blocked=spam.example", "visibility=shared")
    assert done.returncode == 0, done.stderr
    before = inboxd.last_event()
    with mailbox.writer() as writer:
        spam = writer.deliver("INBOX", mail(1, "bad@mail.spam.example", to=owner))
        writer.deliver("INBOX", mail(2, to=owner))
    inboxd.events(before, 3, kind="message.stored")
    mine = list(inboxd.client.items("/v1/messages", {"account": account}))
    assert [(one["subject"], one["visibility"]) for one in mine] == [("Mail 2", "shared")]
    theirs = list(inboxd.client.items("/v1/messages", {"account": other}))
    assert {(one["subject"], one["visibility"]) for one in theirs} == {
        ("Mail 1", "private"),
        ("Mail 2", "private"),
    }
    why = inboxd.client.get(f"/v1/accounts/{account}/why", {"folder": "INBOX", "uid": spam})
    assert [(one["state"], one["reason"]) for one in why["items"]] == [("skipped", "blocked")]


def test_a_message_in_quarantine_is_listed_shown_and_stored_by_a_retry(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P17."""
    with mailbox.writer() as writer:
        for number in range(3):
            writer.deliver("INBOX", mail(number))
    where = synced(inboxd, mailbox, since="1y", history="everyone", labels="all")
    with store_of(inboxd) as store:
        rows = store.execute("SELECT folder_id, uidvalidity, uid, message_id FROM ledger")
        folder, generation, uid, message = rows.fetchone()
        store.execute("PRAGMA foreign_keys = ON")
        store.execute("DELETE FROM message WHERE id = ?", [message])
        store.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, 'quarantined', 'not_given', NULL, NULL)",
            [folder, generation, uid],
        )
        store.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, 'withheld', NULL, 1, 0, 0)",
            [folder, generation, uid],
        )
    item = f"{folder}.{generation}.{uid}"
    listed = inboxctl(inboxd.socket, "--json", "quarantine", "list")
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [item]
    assert "withheld" in inboxctl(inboxd.socket, "quarantine", "show", item).stdout
    nothing_kept = inboxctl(inboxd.socket, "quarantine", "export", item)
    assert (nothing_kept.returncode, nothing_kept.stdout) == (4, "")
    retried = inboxctl(inboxd.socket, "quarantine", "retry", item)
    assert retried.returncode == 0, retried.stderr
    assert inboxctl(inboxd.socket, "quarantine", "show", item).returncode == 4
    assert len(list(inboxd.client.items("/v1/messages"))) == 3
    assert inboxd.client.post(f"{where}/verify")["good"]
