"""The network fails: connections cut anywhere, again and again."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import anyio.from_thread
import pytest

from faults.conftest import Somewhere
from servers.daemon import Inboxd
from servers.mailmaker import Mailmaker
from servers.relay import FaultProxy

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(1_800)]

OPTIONS = {
    "sync": {
        "backoff_first_seconds": 0.01,
        "backoff_most_seconds": 0.05,
        "batch_messages": 40,
        "batch_bytes": 65_536,
    },
    "limits": {"logins_per_second": 1000},
}
"""Small batches and short pauses, so that cuts fall everywhere and the test ends today."""


@pytest.mark.parametrize("cuts", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_a_history_ends_although_every_connection_is_cut(
    tmp_path: Path, anywhere: Somewhere, cuts: int
) -> None:
    """T5: after 1 byte to 256 kB; what was committed stays, and the rest is fetched once."""
    random = Random(int(os.environ.get("INBOXD_SEED", "3")))
    mails = 60 * cuts // 10
    with anywhere.writer() as writer:
        for mail in Mailmaker(3, median_bytes=4_000).mails(mails):
            writer.deliver("INBOX", mail)
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(FaultProxy.to(anywhere.port)) as proxy,
        Inboxd(tmp_path, options=OPTIONS) as inboxd,
    ):
        account = anywhere.add(inboxd, proxy.port)
        inboxd.choose(account, since="1y", history="everyone", labels="all")
        # Half of them die young: within the login, the listing, the first metadata.
        lengths = [
            random.choice((random.randint(1, 4_000), random.randint(1, 262_144)))
            for _ in range(cuts)
        ]
        portal.call(proxy.cut_after, lengths)
        inboxd.client.post(f"/v1/accounts/{account}/sync")
        inboxd.await_account(account, lambda now: now["history"]["finished_at"] is not None, 1_200)
        portal.call(proxy.cut_after, ())
        inboxd.await_live(account)
        anywhere.settled(inboxd, account)
        survived = f"{proxy.connections} connections, {cuts} cuts planned"
        print(f"T5 on {anywhere.kind}: {survived}, lost 0, doubled 0")
        inboxd.stop()
