"""The network fails: connections cut anywhere, again and again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import anyio.from_thread
import pytest
from anyio.from_thread import BlockingPortal

from servers import gate
from servers.daemon import Inboxd
from servers.mailbox import SERVERS, AnyMailbox, LastingServer, Server, everywhere, on
from servers.mailmaker import Mailmaker
from servers.relay import FaultProxy

pytestmark = pytest.mark.timeout(1_800)

SYNC = {
    "sweep_seconds": 1,
    "backoff_first_seconds": 0.01,
    "backoff_most_seconds": 0.05,
    "batch_messages": 40,
    "batch_bytes": 65_536,
}
"""Small batches and short pauses, so that cuts fall everywhere and the test ends today."""


WHOLE = {"since": "1y", "history": "everyone", "labels": "all"}


class Behind(NamedTuple):
    """A daemon, and the wire that it hangs on."""

    inboxd: Inboxd
    account: int
    proxy: FaultProxy
    portal: BlockingPortal


@contextmanager
def behind_a_proxy(home: Path, mailbox: AnyMailbox[Server], **sync: float) -> Iterator[Behind]:
    """A daemon with one account, not yet synced, that reaches its server by a proxy."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(FaultProxy.to(mailbox.server.port)) as proxy,
        Inboxd(home, options={"sync": {**SYNC, **sync}}) as inboxd,
    ):
        account = inboxd.add(mailbox.user, proxy.port)
        inboxd.choose(account, **WHOLE)
        yield Behind(inboxd, account, proxy, portal)
        inboxd.stop()


def _begin(inboxd: Inboxd, account: int) -> None:
    inboxd.client.post(f"/v1/accounts/{account}/sync")


def _has_stored(count: int, now: dict[str, Any]) -> bool:
    return now["history"] is not None and now["history"]["stored"] >= count


@pytest.mark.parametrize(
    ("anywhere", "cuts"),
    [
        on("dovecot", 40),
        on("cyrus", 12),
        on("pymap", 12),
        *(on(name, 500, slow=True) for name in SERVERS),
    ],
    indirect=["anywhere"],
)
def test_a_history_ends_although_every_connection_is_cut(
    tmp_path: Path, anywhere: AnyMailbox[Server], cuts: int
) -> None:
    """T5: after 1 byte to 256 kB; what was committed stays, and the rest is fetched once."""
    random = Random(int(os.environ.get("INBOXD_SEED", "3")))
    with anywhere.writer() as writer:
        writer.fill("INBOX", Mailmaker(3, median_bytes=4_000).mails(6 * cuts))
    with behind_a_proxy(tmp_path, anywhere) as (inboxd, account, proxy, portal):
        # Half of them die young: within the login, the listing, the first metadata.
        lengths = [
            random.choice((random.randint(1, 4_000), random.randint(1, 262_144)))
            for _ in range(cuts)
        ]
        portal.call(proxy.cut_after, lengths)
        _begin(inboxd, account)
        inboxd.await_account(account, lambda now: now["history"]["finished_at"] is not None, 1_200)
        portal.call(proxy.cut_after, ())
        inboxd.await_live(account)
        gate.settled(inboxd, account, anywhere)
        print(f"T5: {proxy.connections} connections, {cuts} cuts planned, lost 0, doubled 0")


PAUSE_SECONDS, TRIES = 0.1, 6


@everywhere(but={"pymap": "its mail is in its process, and goes with it"})
def test_a_servers_process_may_die_in_the_middle_of_a_message(
    tmp_path: Path, anywhere: AnyMailbox[LastingServer]
) -> None:
    """T3: each time the connection is back by itself, and goes on where it was."""
    mails = 240
    with anywhere.writer() as writer:
        writer.fill("INBOX", Mailmaker(33, median_bytes=4_000).mails(mails))
    with behind_a_proxy(tmp_path, anywhere) as (inboxd, account, proxy, portal):
        # So slow that a message is on its way at any moment.
        portal.call(proxy.trickle, 4_096, 0.002)
        _begin(inboxd, account)
        for stored in range(40, mails // 2, 40):
            inboxd.await_account(account, partial(_has_stored, stored))
            before = proxy.connections
            assert anywhere.server.kill_imap_processes(anywhere.user) >= 1
            portal.call(proxy.await_connections, before + 1)
        assert inboxd.account(account)["history"]["finished_at"] is None
        portal.call(proxy.resume)
        inboxd.await_live(account)
        assert len(gate.settled(inboxd, account, anywhere)) == mails


@pytest.mark.parametrize(
    ("anywhere", "when"),
    [on("dovecot", "history"), on("cyrus", "history"), on("cyrus", "push")],
    indirect=["anywhere"],
)
def test_a_server_that_was_away_is_found_again_and_not_stormed(
    tmp_path: Path, anywhere: AnyMailbox[LastingServer], when: str
) -> None:
    """T4: stopped until it was asked for six times, then started."""
    maker = Mailmaker(34, median_bytes=4_000)
    with anywhere.writer() as writer:
        writer.fill("INBOX", maker.mails(200))
    pauses = {"backoff_first_seconds": PAUSE_SECONDS, "backoff_most_seconds": 2 * PAUSE_SECONDS}
    with behind_a_proxy(tmp_path, anywhere, **pauses) as (inboxd, account, proxy, portal):
        _begin(inboxd, account)
        if when == "history":
            inboxd.await_account(account, partial(_has_stored, 40))
        else:
            inboxd.await_live(account)
        anywhere.server.stop()
        knocks, began = proxy.refusals, time.monotonic()
        portal.call(proxy.await_refusals, knocks + TRIES)
        taken_seconds = time.monotonic() - began
        # One connection watches, one sweeps or fetches the history; each waits after each try.
        assert taken_seconds >= (TRIES / 2 - 1) * PAUSE_SECONDS
        anywhere.server.start()
        with anywhere.writer() as writer:
            writer.deliver("INBOX", maker.mail())
        inboxd.await_live(account)
        assert len(gate.settled(inboxd, account, anywhere)) == 201
        print(f"T4: {TRIES} tries in {taken_seconds:.2f} s")
