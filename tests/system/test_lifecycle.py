"""The daemon as a service: what it tells systemd, how it ends, what it leaves behind (P31)."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd, notify_socket
from servers.mailmaker import Mailmaker


def test_systemd_is_told_of_every_turn(tmp_path: Path) -> None:
    """READY, STATUS, WATCHDOG, RELOADING with its time, STOPPING."""
    with notify_socket(tmp_path / "notify") as heard:
        inboxd = Inboxd(
            tmp_path,
            environment={
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "500000",
            },
        )
        with inboxd:
            ready = heard()
            assert "READY=1" in ready
            assert "STATUS=" in ready
            assert "WATCHDOG=1" in heard()
            assert inboxd.process is not None
            inboxd.process.send_signal(signal.SIGHUP)
            reloading = next(said for said in iter(heard, "") if "RELOADING=1" in said)
            assert "MONOTONIC_USEC=" in reloading
            assert "READY=1" in next(said for said in iter(heard, "") if "WATCHDOG" not in said)
            inboxd.stop()
            assert "STOPPING=1" in next(said for said in iter(heard, "") if "WATCHDOG" not in said)


def test_a_bad_file_at_reload_changes_nothing_and_is_reported(tmp_path: Path) -> None:
    with Inboxd(tmp_path) as inboxd:
        inboxd.config.write_text("log: {level: loud}\n")
        assert inboxd.process is not None
        inboxd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 10
        while not any(line["event"] == "config_refused" for line in inboxd.lines()):
            assert time.monotonic() < deadline
        assert inboxd.client.get("/v1/status")["accounts"] is not None
        inboxd.stop()


def test_state_and_socket_are_for_those_they_are_meant_for(tmp_path: Path) -> None:
    with Inboxd(tmp_path) as inboxd:
        assert stat.S_IMODE(inboxd.state.stat().st_mode) == 0o700
        assert stat.S_IMODE(inboxd.socket.stat().st_mode) == 0o660
        for path in inboxd.state.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        inboxd.stop()
        assert not inboxd.socket.exists()


def test_a_socket_left_by_a_killed_daemon_is_taken_over(tmp_path: Path) -> None:
    with Inboxd(tmp_path) as inboxd:
        inboxd.kill()
        assert inboxd.socket.exists()
        inboxd.start()
        inboxd.stop()


@pytest.mark.dovecot
def test_sigterm_in_the_middle_of_a_history_ends_in_time_and_goes_on_later(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """T30: at most 5 s, everything committed, the next start resumes."""
    with mailbox.writer() as writer:
        writer.fill("INBOX", Mailmaker(37).mails(2_000))
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.choose(account, since="1y", history="everyone", labels="all")
    inboxd.client.post(f"/v1/accounts/{account}/sync")
    inboxd.await_account(
        account, lambda now: now["history"] is not None and now["history"]["stored"] > 100
    )
    inboxd.stop()
    assert not [line for line in inboxd.lines() if line["level"] == "error"]
    inboxd.start()
    inboxd.await_live(account)
    with mailbox.oracle() as oracle:
        gate.check(inboxd, account, oracle.read(("INBOX",)))
    inboxd.stop()


@pytest.mark.dovecot
def test_pause_holds_and_resume_catches_up(inboxd: Inboxd, mailbox: Mailbox) -> None:
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="now", labels="all")
    inboxd.client.post(f"/v1/accounts/{account}/pause")
    inboxd.await_account(account, lambda now: now["phase"] == "paused")
    with mailbox.writer() as writer:
        for _ in range(3):
            writer.deliver("INBOX", Mailmaker(41).mail())
    after = inboxd.last_event()
    inboxd.client.post(f"/v1/accounts/{account}/resume")
    inboxd.events(after, 1)
    inboxd.await_live(account)
    with mailbox.oracle() as oracle:
        expected = oracle.read(("INBOX",))
    deadline = time.monotonic() + 10
    while gate.placements(inboxd, account) != expected:
        assert time.monotonic() < deadline


@pytest.mark.dovecot
def test_a_restarted_server_is_found_again(inboxd: Inboxd, mailbox: Mailbox) -> None:
    """T3, T4 in small: what was delivered meanwhile is there."""
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="now", labels="all")
    after = inboxd.last_event()
    assert mailbox.server.signal(mailbox.user, signal.SIGKILL) >= 1
    with mailbox.writer() as writer:
        writer.deliver("INBOX", Mailmaker(43).mail())
    inboxd.events(after, 1)
    inboxd.await_live(account)
    with mailbox.oracle() as oracle:
        gate.check(inboxd, account, oracle.read(("INBOX",)))


def test_no_process_argument_holds_a_secret(tmp_path: Path) -> None:
    """P34: what `ps` shows of the daemon."""
    with Inboxd(tmp_path) as inboxd:
        assert inboxd.process is not None
        shown = Path(f"/proc/{inboxd.process.pid}/cmdline").read_bytes()
        assert shown.count(b"\0") <= 7
        assert os.fsencode(str(inboxd.config)) in shown
