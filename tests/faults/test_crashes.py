"""The process dies: at every counted moment, and at random ones while the mailbox changes."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from servers import gate
from servers.chaos import Chaos
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.mailbox import SERVERS, AnyMailbox, Server, everywhere, on
from servers.mailmaker import Mailmaker

pytestmark = [
    pytest.mark.timeout(3_600),
    # The client's socket is left behind when the daemon dies in the middle of an answer.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EVERY_IN_SHORT = 17
"""Of the crash points, as many as fit into a minute; the long run tries each."""

IN_HISTORY = 60
"""One of them, for a short look at another server: about a hundred pass before it is live."""


def message_writes(inboxd: Inboxd) -> tuple[int, int]:
    with closing(sqlite3.connect(inboxd.state / "inboxd.db")) as store:
        found: tuple[int, int] = store.execute(
            "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'message'), "
            "(SELECT count(*) FROM ledger)"
        ).fetchone()
        return found


@pytest.mark.parametrize(
    ("anywhere", "every"),
    [on("dovecot", EVERY_IN_SHORT), *(on(name, 1, slow=True) for name in SERVERS)],
    indirect=["anywhere"],
)
def test_a_crash_at_any_counted_moment_loses_and_doubles_nothing(
    tmp_path: Path, anywhere: AnyMailbox[Server], every: int
) -> None:
    """T1: 300 mails of history and 20 that come live; the daemon dies, starts, and finishes."""
    _fill(anywhere)
    points = _one_life(tmp_path / "whole", anywhere, crash_at=0)
    tried = range(1, points + 1, every)
    for point in tried:
        _one_life(tmp_path / str(point), anywhere, crash_at=point)
    print(f"T1: {len(tried)} of {points} crash points, lost 0, doubled 0")


@everywhere(but={"dovecot": "many more moments are tried there"})
def test_a_crash_elsewhere_loses_and_doubles_nothing(
    tmp_path: Path, anywhere: AnyMailbox[Server]
) -> None:
    """T1 in small."""
    _fill(anywhere)
    _one_life(tmp_path / "life", anywhere, crash_at=IN_HISTORY)
    log = (tmp_path / "life" / "inboxd.log").read_text()
    assert log.count('"event": "ready"') == 3, "it did not die"


def _fill(anywhere: AnyMailbox[Server]) -> None:
    with anywhere.writer() as writer:
        writer.fill("INBOX", Mailmaker(41, median_bytes=1_000).mails(300))


def _one_life(home: Path, anywhere: AnyMailbox[Server], *, crash_at: int) -> int:
    """From adding to the third start, with one death on the way; how many moments it had."""
    home.mkdir()
    count = home / "count"
    environment = {
        "CRASH_COUNT": str(count),
        "CRASH_AT": str(crash_at),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    options = {"sync": {"batch_messages": 60}}
    with Inboxd(
        home, options=options, environment=environment, module="servers.crashing"
    ) as inboxd:
        account = _through(inboxd, anywhere)
        moments = int(count.read_text())
        gate.settled(inboxd, account, anywhere)
        before = message_writes(inboxd)
        inboxd.stop()
        inboxd.start()
        inboxd.await_live(account)
        gate.settled(inboxd, account, anywhere)
        assert message_writes(inboxd) == before, "the third run wrote messages"
        inboxd.stop()
    return moments


def _through(inboxd: Inboxd, anywhere: AnyMailbox[Server]) -> int:
    """Add, sync and deliver, starting the daemon again whenever it has died."""
    steps = iter(range(10_000))
    account = 0
    delivered = 0
    with anywhere.writer() as writer:
        while next(steps) < 200:
            try:
                if inboxd.process is None or inboxd.process.poll() is not None:
                    _revive(inboxd)
                known = list(inboxd.client.items("/v1/accounts"))
                if not known:
                    account = inboxd.add(anywhere.user, anywhere.server.port)
                    continue
                account = int(known[0]["id"])
                if known[0]["synced_at"] is None:
                    inboxd.choose(account, since="1y", history="everyone", labels="all")
                    inboxd.client.post(f"/v1/accounts/{account}/sync")
                inboxd.await_live(account)
                while delivered < 20:
                    writer.deliver("INBOX", b"Subject: live %d\r\n\r\nx\r\n" % delivered)
                    delivered += 1
                time.sleep(0.2)
                inboxd.client.get("/v1/status")
            except Exception:  # noqa: BLE001 - it died; any call may be the one that notices
                if inboxd.process is not None:
                    inboxd.process.wait(PATIENCE_SECONDS)
                continue
            return account
    raise AssertionError("it never came through")


def _revive(inboxd: Inboxd) -> None:
    inboxd.forget("CRASH_AT")
    inboxd.start()


@pytest.mark.parametrize(
    ("anywhere", "kills", "mails"),
    [
        on("dovecot", 5, 800),
        on("cyrus", 2, 300),
        on("pymap", 2, 300),
        *(on(name, 200, 5_000, slow=True) for name in SERVERS),
    ],
    indirect=["anywhere"],
)
def test_kills_at_random_moments_while_the_mailbox_changes(
    tmp_path: Path, anywhere: AnyMailbox[Server], kills: int, mails: int
) -> None:
    """T2."""
    seed = int(os.environ.get("INBOXD_SEED", "7"))
    random = Random(seed)
    with anywhere.writer() as writer:
        writer.fill("INBOX", Mailmaker(seed, median_bytes=1_500).mails(mails))
        chaos = Chaos(writer, seed, per_second=10, folders=True)
        with Inboxd(tmp_path, options={"sync": {"sweep_seconds": 1}}) as inboxd:
            account = inboxd.add(anywhere.user, anywhere.server.port)
            inboxd.choose(account, since="1y", history="everyone", labels="all")
            inboxd.client.post(f"/v1/accounts/{account}/sync")
            with chaos.going():
                for _ in range(kills):
                    time.sleep(random.uniform(0.005, 0.5))
                    inboxd.kill()
                    inboxd.start()
            inboxd.await_live(account)
            gate.settled(inboxd, account, anywhere)
            inboxd.stop()
    print(f"T2: {kills} kills, {chaos.actions} actions meanwhile, lost 0, doubled 0")
