"""Large mailboxes and many accounts: nobody waits for somebody else."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd
from servers.dovecot import Dovecot
from servers.mailmaker import Mailmaker

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(1_800)]

MIB = 1024 * 1024


@pytest.mark.parametrize("mails", [3_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mail_that_arrives_during_a_large_history_does_not_wait_for_it(
    tmp_path: Path, mailbox: Mailbox, mails: int
) -> None:
    """T25: live mail is stored within a second of EXISTS, and memory stays bounded."""
    maker = Mailmaker(25, median_bytes=2_000)
    with mailbox.writer() as writer:
        writer.fill("INBOX", maker.mails(mails))
        with Inboxd(tmp_path, ca_file=mailbox.server.ca_file) as inboxd:
            account = inboxd.add(mailbox.user, mailbox.server.port)
            inboxd.choose(account, since="1y", history="everyone", labels="all")
            inboxd.client.post(f"/v1/accounts/{account}/sync")
            inboxd.await_account(account, lambda now: (now["history"] or {}).get("stored", 0) > 0)
            latencies = []
            while inboxd.account(account)["phase"] == "backfilling":
                after = inboxd.last_event()
                writer.deliver("INBOX", maker.mail())
                latencies.append(inboxd.events(after, 1)[0]["data"].get("latency_ms", 0))
            inboxd.await_account(account, lambda now: now["phase"] == "live", 1_500)
            assert latencies
            assert max(latencies) < 1_000
            with mailbox.oracle() as oracle:
                gate.check(inboxd, account, oracle.read(("INBOX",)))
            assert inboxd.process is not None
            status = Path(f"/proc/{inboxd.process.pid}/status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
            assert peak < 260 * MIB, f"{peak / MIB:.0f} MiB"
            print(f"T25: {mails:,} mails, peak {peak / MIB:.0f} MiB, live {max(latencies):.0f} ms")
            inboxd.stop()


@pytest.mark.parametrize("accounts", [40, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_restarted_server_meets_no_stampede(tmp_path: Path, accounts: int) -> None:
    """F6, P20: all live again, and never more logins a second than configured."""
    per_second = 20
    options = {
        "limits": {"logins_per_second": per_second},
        "sync": {"backoff_first_seconds": 0.2, "backoff_most_seconds": 2},
    }
    with Dovecot() as server, Inboxd(tmp_path, options=options) as inboxd:
        for number in range(1, accounts + 1):
            account = inboxd.add(f"u{number}", server.port)
            inboxd.choose(account, since="now", labels="all")
            inboxd.client.post(f"/v1/accounts/{account}/sync")
        _all_live(inboxd, accounts)
        server.stop()
        _none_watches(inboxd)
        log = server.home / "dovecot.log"
        before = len(log.read_text())
        began = time.monotonic()
        server.start()
        _all_live(inboxd, accounts)
        seconds = time.monotonic() - began
        logins = Counter(
            re.findall(r"^(\w+ \d+ [\d:]+) .*Login: user=", log.read_text()[before:], re.MULTILINE)
        )
        assert sum(logins.values()) >= accounts
        # Two pacers' seconds can fall into one of the clock's.
        assert max(logins.values()) <= 2 * per_second
        assert seconds <= max(60, 1.5 * accounts / per_second)
        print(f"F6: {accounts} accounts live again after {seconds:.1f} s")
        inboxd.stop()


def _all_live(inboxd: Inboxd, accounts: int) -> None:
    deadline = time.monotonic() + 300
    while True:
        found = list(inboxd.client.items("/v1/accounts"))
        watched = [one for one in found if any(folder["watch"] for folder in one["folders"])]
        if len(watched) == accounts and all(one["phase"] == "live" for one in found):
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _none_watches(inboxd: Inboxd) -> None:
    deadline = time.monotonic() + 60
    while any(one["phase"] == "live" for one in inboxd.client.items("/v1/accounts")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
