"""The gate: what the server has is what the store has, once, and nothing else happened.

It ends every test of the whole; the server's side is told by the oracle, never by inboxd.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import closing

from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.mailbox import LEFT_OUT, AnyMailbox, Server
from servers.oracle import Spot


def check(inboxd: Inboxd, account: int, expected: Mapping[Spot, str]) -> None:
    """The API gives exactly `expected` as stored placements, and the database is in order."""
    stored = placements(inboxd, account)
    lost = {spot: digest for spot, digest in expected.items() if stored.get(spot) != digest}
    assert not lost, f"{len(lost)} lost, for example {next(iter(lost))}"
    extra = stored.keys() - expected.keys()
    assert not extra, f"{len(extra)} that should not be there, for example {next(iter(extra))}"
    in_order(inboxd, account)


def settled(inboxd: Inboxd, account: int, mailbox: AnyMailbox[Server]) -> dict[Spot, str]:
    """Wait until what is stored is what the server has, then check it; what that is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with mailbox.oracle() as oracle:
        while True:
            now = oracle.read([one for one in oracle.folders() if one not in LEFT_OUT])
            if placements(inboxd, account) == now or time.monotonic() > deadline:
                check(inboxd, account, now)
                return now
            time.sleep(0.05)


def placements(inboxd: Inboxd, account: int) -> dict[Spot, str]:
    """Each stored placement with its message's sha256, as the API gives them."""
    found: dict[Spot, str] = {}
    for message in inboxd.messages(account):
        for one in message["placements"]:
            spot = Spot(one["folder"], one["uidvalidity"], one["uid"])
            assert spot not in found, f"{spot} is placed twice"
            found[spot] = message["sha256"]
    return found


def in_order(inboxd: Inboxd, account: int) -> None:
    """No content twice, no broken reference, and an outcome for every UID in scope."""
    with closing(_open(inboxd)) as database:
        twice = database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM message WHERE account_id = ? "
            "GROUP BY sha256 HAVING count(*) > 1)",
            (account,),
        ).fetchone()
        assert twice == (0,)
        homeless = database.execute(
            "SELECT count(*) FROM message WHERE gone_at IS NULL AND id NOT IN "
            "(SELECT message_id FROM ledger WHERE message_id IS NOT NULL AND gone_at IS NULL)"
        ).fetchone()
        assert homeless == (0,)
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def covered(inboxd: Inboxd, account: int, on_server: Collection[Spot]) -> None:
    """Every UID that the server has within a span has an outcome in the ledger."""
    with closing(_open(inboxd)) as database:
        spans = database.execute(
            "SELECT f.name, s.uidvalidity, s.first_uid, s.last_uid FROM span s "
            "JOIN folder f ON f.id = s.folder_id WHERE f.account_id = ?",
            (account,),
        ).fetchall()
        decided = {
            Spot(*row)
            for row in database.execute(
                "SELECT f.name, l.uidvalidity, l.uid FROM ledger l "
                "JOIN folder f ON f.id = l.folder_id WHERE f.account_id = ?",
                (account,),
            )
        }
    for spot in on_server:
        in_scope = any(
            (name, uidvalidity) == spot[:2]
            and first <= spot.uid
            and (last is None or spot.uid <= last)
            for name, uidvalidity, first, last in spans
        )
        assert not in_scope or spot in decided, f"{spot} has no outcome"


def outcomes(inboxd: Inboxd) -> dict[Spot, tuple[str, str | None]]:
    """The whole ledger: outcome and reason of each UID."""
    with closing(_open(inboxd)) as database:
        return {
            Spot(*row[:3]): (row[3], row[4])
            for row in database.execute(
                "SELECT f.name, l.uidvalidity, l.uid, l.outcome, l.reason FROM ledger l "
                "JOIN folder f ON f.id = l.folder_id"
            )
        }


def holds_none_of(inboxd: Inboxd, planted: Collection[str]) -> None:
    """None of these words is in a file of the state directory, nor in the log."""
    files = [path for path in inboxd.state.rglob("*") if path.is_file()]
    for path in (*files, inboxd.log):
        content = path.read_bytes()
        for word in planted:
            assert word.encode() not in content, f"{word!r} is in {path.name}"


def _open(inboxd: Inboxd) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{inboxd.state / 'inboxd.db'}?mode=ro", uri=True)
