"""A large store: bringing it in, starting on it, reading it, finding nothing new (F2, F7-F9)."""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

from bench.rows import Row, peak_kib, resident_kib
from servers.daemon import Inboxd
from servers.dovecot import Dovecot
from servers.fill import Writer
from servers.mailmaker import Mailmaker

QUERIES = 60
PAGES = 60
USER = "u1200"


def large_store(server: Dovecot, home: Path, mails: int) -> list[Row]:
    """F2, F7, F8, F9 on one mailbox."""
    with Writer(server.port, USER, USER.replace("u", "pw", 1)) as writer:
        writer.fill("INBOX", Mailmaker(2).mails(mails))
    with Inboxd(home, ca_file=server.ca_file) as inboxd:
        account = inboxd.add(USER, server.tls_port, "tls")
        rows = _brought_in(inboxd, server, account, mails)
        rows += _started(inboxd, account, mails)
        rows += _read(inboxd, mails)
        rows += _nothing_new(inboxd, account, mails)
        inboxd.stop()
    return rows


def _brought_in(inboxd: Inboxd, server: Dovecot, account: int, mails: int) -> list[Row]:
    inboxd.choose(account, since="1y", history="everyone", labels="all")
    pressed = inboxd.last_event()
    began = time.monotonic()
    inboxd.client.post(f"/v1/accounts/{account}/sync")
    inboxd.await_account(account, lambda now: (now["history"] or {}).get("stored", 0) > 0, 600)
    after = inboxd.last_event()
    with Writer(server.port, USER, USER.replace("u", "pw", 1)) as writer:
        writer.deliver("INBOX", Mailmaker(4).mail())
    latency = inboxd.events(after, 1)[0]["data"].get("latency_ms")
    inboxd.events(pressed, 1, "history.finished")
    seconds = time.monotonic() - began
    peak = peak_kib(inboxd) / 1024
    what = f"history of {mails:,} mails"
    rows = [
        Row("F2", what, f"{seconds / mails * 1e3:.2f} ms a mail", "<= 1.25 x F1's", None),
        Row("F2", what, f"peak {peak:.0f} MiB", "<= 200 MB", peak <= 191),
    ]
    if latency is not None:
        text = f"{latency:.0f} ms after EXISTS"
        rows.append(Row("F2", "a mail arriving meanwhile", text, "< 1 s", latency < 1_000))
    return rows


def _started(inboxd: Inboxd, account: int, mails: int) -> list[Row]:
    inboxd.stop()
    began = time.monotonic()
    inboxd.start()
    seconds = time.monotonic() - began
    resident = resident_kib(inboxd) / 1024
    inboxctl = Path(sys.executable).with_name("inboxctl")
    program = [str(inboxctl), "--socket", str(inboxd.socket), "status"]
    times = []
    for _ in range(5):
        asked = time.monotonic()
        subprocess.run(program, capture_output=True, check=True)
        times.append(time.monotonic() - asked)
    inboxd.await_live(account)
    what = f"start on a store of {mails:,} mails"
    status = statistics.median(times)
    return [
        Row("F7", what, f"{seconds:.2f} s", "<= 0.8 s", seconds <= 0.8),
        Row("F7", what, f"{resident:.0f} MiB", "<= 100 MB", resident <= 95),
        Row("F7", "inboxctl status", f"{status:.2f} s", "<= 0.25 s", status <= 0.25),
    ]


def _read(inboxd: Inboxd, mails: int) -> list[Row]:
    words = _words(inboxd)
    random = Random(8)
    searches = _times(
        QUERIES,
        lambda: inboxd.client.get(
            "/v1/messages", {"query": " ".join(random.sample(words, 2)), "limit": 20}
        ),
    )
    cursors: list[str | None] = [None]

    def page() -> None:
        found = inboxd.client.get("/v1/messages", {"limit": 50, "cursor": cursors[-1]})
        cursors.append(found["next"])

    pages = _times(PAGES, page)
    began = time.monotonic()
    events = 0
    for event in inboxd.client.events(0, historical=True):
        events += 1
        if event["seq"] >= mails:
            break
    rate = events / (time.monotonic() - began)
    return [
        Row(
            "F8",
            f"search of two words, {mails:,} mails",
            _p95(searches),
            "p95 <= 30 ms",
            _p95_ms(searches) <= 30,
        ),
        Row("F8", "a page of a list", _p95(pages), "p95 <= 10 ms", _p95_ms(pages) <= 10),
        Row(
            "F8", "replay of events", f"{rate:,.0f} a second", ">= 10,000 a second", rate >= 10_000
        ),
    ]


def _words(inboxd: Inboxd) -> list[str]:
    """Words that occur, common and rare ones, out of the snippets of one page."""
    found = inboxd.client.get("/v1/messages", {"limit": 200})["items"]
    words = {word for one in found for word in one["snippet"].split() if word.isalpha()}
    return sorted(words)[:200]


def _nothing_new(inboxd: Inboxd, account: int, mails: int) -> list[Row]:
    before = _written(inboxd)
    began = time.monotonic()
    inboxd.client.post(f"/v1/accounts/{account}/resync", {"since": "1y"})
    inboxd.await_account(account, lambda now: now["history"]["finished_at"] is not None, 600)
    seconds = time.monotonic() - began
    rows = _written(inboxd) - before
    return [
        Row(
            "F9",
            f"re-sync of {mails:,} mails, nothing new",
            f"{seconds:.2f} s, {rows} rows",
            "<= 3 s, 0 rows",
            seconds <= 3 and rows == 0,
        ),
    ]


def _written(inboxd: Inboxd) -> int:
    """How many messages and outcomes there are, and when one last was stored."""
    with closing(sqlite3.connect(inboxd.state / "inboxd.db")) as store:
        query = "SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM ledger)"
        count: int = store.execute(query).fetchone()[0]
        return count


def _times(count: int, act: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(count):
        began = time.monotonic()
        act()
        times.append(time.monotonic() - began)
    return times


def _p95_ms(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18] * 1e3


def _p95(times: list[float]) -> str:
    return f"p50 {statistics.median(times) * 1e3:.1f}, p95 {_p95_ms(times):.1f} ms"
