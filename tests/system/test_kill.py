"""kill -9 at any moment of a history: nothing lost, nothing twice, at most a batch again (P10)."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd
from servers.mailmaker import Mailmaker

KILLS_IN_SHORT, KILLS_IN_FULL = 6, 50

pytestmark = pytest.mark.dovecot


@pytest.mark.parametrize(
    ("mails", "kills"),
    [
        (1_500, KILLS_IN_SHORT),
        pytest.param(5_000, KILLS_IN_FULL, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_history_survives_being_killed_at_random_moments(
    tmp_path: Path, mailbox: Mailbox, mails: int, kills: int
) -> None:
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(23).mails(mails))
    random = Random(int(os.environ.get("INBOXD_SEED", "5")))
    # Small steps, so that kills hit the middle of something; each start costs a second.
    options = {"sync": {"batch_messages": 25}}
    with Inboxd(tmp_path, ca_file=mailbox.server.ca_file, options=options) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.choose(account, since="1y", history="everyone", labels="all")
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        seen = 0
        for kill in range(kills):
            goal = seen + random.randint(1, max(2, (mails - seen) // (kills - kill + 1)))
            inboxd.await_account(account, partial(_has_stored, goal))
            inboxd.kill()
            before = _committed(inboxd)
            assert before >= seen
            inboxd.start()
            assert _committed(inboxd) >= before
            seen = before
        assert seen < mails, "killed too late to prove anything"
        inboxd.await_live(account)
        with mailbox.oracle() as oracle:
            gate.check(inboxd, account, oracle.read(("INBOX",)))
        inboxd.stop()


def _has_stored(goal: int, now: dict[str, Any]) -> bool:
    return now["history"] is not None and now["history"]["stored"] >= goal


def _committed(inboxd: Inboxd) -> int:
    with closing(
        sqlite3.connect(f"file:{inboxd.state / 'inboxd.db'}?mode=ro", uri=True)
    ) as database:
        count: int = database.execute("SELECT count(*) FROM message").fetchone()[0]
        return count


def test_at_most_one_batch_is_fetched_again(tmp_path: Path, mailbox: Mailbox) -> None:
    """P10: counted in the server's own log of what it sent, the oracle's share taken off."""
    mails, batch = 600, 50
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(29, median_bytes=1_000).mails(mails))
    options = {"sync": {"batch_messages": batch}}
    with Inboxd(tmp_path, ca_file=mailbox.server.ca_file, options=options) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.choose(account, since="1y", history="everyone", labels="all")
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        inboxd.await_account(account, partial(_has_stored, mails // 2))
        inboxd.kill()
        inboxd.start()
        inboxd.await_live(account)
        with mailbox.oracle() as oracle:
            gate.check(inboxd, account, oracle.read(("INBOX",)))
        inboxd.stop()
    log = (mailbox.server.home / "dovecot.log").read_text()
    bodies = [
        int(match[1])
        for line in log.splitlines()
        if f"imap({mailbox.user})" in line and (match := re.search(r"body_count=(\d+)", line))
    ]
    assert 2 * mails <= sum(bodies) <= 2 * mails + batch
