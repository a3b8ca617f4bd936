"""The same gate on Cyrus and pymap: what a server lacks is found by its capabilities."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conftest import missing
from servers import cyrus as cyrus_server
from servers import gate
from servers.cyrus import Cyrus
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.fill import Writer
from servers.mailmaker import Mailmaker
from servers.oracle import Oracle, Spot
from servers.pymap_server import Pymap

HISTORY, LIVE = 60, 40


@pytest.fixture(scope="module")
def cyrus() -> Iterator[Cyrus]:
    root = cyrus_server.fetched()
    if root is None:
        missing("needs Cyrus: apt-get download could not fetch it")
    assert root is not None
    with Cyrus(root) as server:
        yield server


@contextmanager
def synced(home: Path, port: int, user: str) -> Iterator[tuple[Inboxd, int]]:
    with Inboxd(home, options={"sync": {"sweep_seconds": 1}}) as inboxd:
        account = inboxd.add(user, port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        yield inboxd, account
        inboxd.stop()


def settled(inboxd: Inboxd, account: int, oracle: Oracle) -> dict[Spot, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        folders = [one for one in oracle.folders() if one not in ("Drafts", "Junk", "Trash")]
        now = oracle.read(folders)
        if gate.placements(inboxd, account) == now:
            gate.check(inboxd, account, now)
            return now
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_gate_holds_on_cyrus(tmp_path: Path, cyrus: Cyrus) -> None:
    """P10, P11, P15: history, live mail, moves and deletions; no NOTIFY there."""
    user, maker = "u1", Mailmaker(50, median_bytes=2_000)
    with Writer(cyrus.port, user, "pw1") as writer, Oracle(cyrus.port, user, "pw1") as oracle:
        for folder in ("INBOX", "Sent"):
            writer.fill(folder, maker.mails(HISTORY // 2))
        flags = oracle.flags(("INBOX", "Sent"))
        with synced(tmp_path, cyrus.port, user) as (inboxd, account):
            after = inboxd.last_event()
            uids = [writer.deliver("INBOX", maker.mail()) for _ in range(LIVE)]
            writer.create("Gro\u00dfkunden")
            writer.deliver("Gro\u00dfkunden", maker.mail())
            inboxd.events(after, LIVE + 1)
            writer.move("INBOX", uids[0], "Archive")
            writer.expunge("INBOX", uids[1])
            stored = settled(inboxd, account, oracle)
            assert len(stored) == HISTORY + LIVE
        now = oracle.flags(("INBOX", "Sent"))
        assert {spot: now[spot] for spot in flags} == flags


@pytest.mark.parametrize("median_bytes", [1_000, 6_000, 20_000])
def test_cyrus_pushes_at_once(tmp_path: Path, cyrus: Cyrus, median_bytes: int) -> None:
    """F4: from APPEND to the event on the socket; Cyrus writes 4 KiB at a time."""
    user, maker = f"u{median_bytes}", Mailmaker(51, median_bytes=median_bytes)
    with (
        Writer(cyrus.port, user, user.replace("u", "pw", 1)) as writer,
        synced(tmp_path, cyrus.port, user) as (inboxd, _),
    ):
        times = []
        with closing(inboxd.client.events(inboxd.last_event())) as stream:
            for _ in range(30):
                writer.deliver("INBOX", maker.mail())
                appended = time.monotonic()
                while next(stream)["type"] != "message.stored":
                    pass
                times.append((time.monotonic() - appended) * 1e3)
    median = statistics.median(times)
    print(f"F4: APPEND to event on Cyrus, about {median_bytes} bytes: p50 {median:.1f} ms")
    assert median <= 20


def test_the_gate_holds_on_pymap(tmp_path: Path) -> None:
    """P10, P11: a server without NOTIFY, CONDSTORE and LIST-STATUS."""
    maker = Mailmaker(52, median_bytes=2_000)
    with (
        Pymap() as server,
        Writer(server.port, server.user, server.password) as writer,
        Oracle(server.port, server.user, server.password) as oracle,
        Inboxd(tmp_path, options={"sync": {"sweep_seconds": 1}}) as inboxd,
    ):
        for _ in range(20):
            writer.deliver("INBOX", maker.mail())
        wish = {"username": server.user, "password": server.password}
        account = inboxd.add(server.user, server.port, **wish)
        inboxd.sync(account, since="1y", history="everyone", labels=["INBOX", "Sent"])
        after = inboxd.last_event()
        for folder in ("INBOX", "Sent"):
            writer.deliver(folder, maker.mail())
        inboxd.events(after, 2)
        start = {
            spot: digest
            for spot, digest in oracle.read(("INBOX", "Sent")).items()
            if spot in gate.placements(inboxd, account)
        }
        assert len(start) >= 22
        gate.in_order(inboxd, account)
        assert inboxd.client.post(f"/v1/accounts/{account}/verify")["good"]
        inboxd.stop()
