"""The same gate on Cyrus and pymap: what a server lacks is found by its capabilities."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from servers import gate
from servers.daemon import Inboxd
from servers.mailbox import AnyMailbox, Server, everywhere
from servers.mailmaker import Mailmaker

HISTORY, LIVE = 60, 40

elsewhere = everywhere(but={"dovecot": "the gate and P11 have their own tests there"})


@contextmanager
def synced(home: Path, mailbox: AnyMailbox[Server]) -> Iterator[tuple[Inboxd, int]]:
    with Inboxd(home, options={"sync": {"sweep_seconds": 1}}) as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="1y", history="everyone", labels="all")
        yield inboxd, account
        inboxd.stop()


@elsewhere
def test_the_gate_holds(tmp_path: Path, anywhere: AnyMailbox[Server]) -> None:
    """P10, P11, P15: history, live mail, moves and deletions; no NOTIFY there.

    pymap has neither CONDSTORE nor LIST-STATUS either.
    """
    maker = Mailmaker(50, median_bytes=2_000)
    with anywhere.writer() as writer, anywhere.oracle() as oracle:
        for folder in ("INBOX", "Sent"):
            writer.fill(folder, maker.mails(HISTORY // 2))
        flags = oracle.flags(("INBOX", "Sent"))
        with synced(tmp_path, anywhere) as (inboxd, account):
            after = inboxd.last_event()
            uids = [writer.deliver("INBOX", maker.mail()) for _ in range(LIVE)]
            writer.create("Gro\u00dfkunden")
            writer.deliver("Gro\u00dfkunden", maker.mail())
            inboxd.events(after, LIVE + 1)
            writer.move("INBOX", uids[0], "Archive")
            writer.expunge("INBOX", uids[1])
            assert len(gate.settled(inboxd, account, anywhere)) == HISTORY + LIVE
            assert inboxd.client.post(f"/v1/accounts/{account}/verify")["good"]
        now = oracle.flags(("INBOX", "Sent"))
        assert {spot: now[spot] for spot in flags} == flags


@pytest.mark.parametrize("median_bytes", [1_000, 6_000, 20_000])
@everywhere(but={"dovecot": "it waits half a second before it pushes", "pymap": "no figure of F4"})
def test_cyrus_pushes_at_once(
    tmp_path: Path, anywhere: AnyMailbox[Server], median_bytes: int
) -> None:
    """F4: from APPEND to the event on the socket; Cyrus writes 4 KiB at a time."""
    maker = Mailmaker(51, median_bytes=median_bytes)
    with anywhere.writer() as writer, synced(tmp_path, anywhere) as (inboxd, _):
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
