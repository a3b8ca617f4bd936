"""Choices change while mail comes in: in force at once, and nobody reconnects (P2, P12)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conftest import Mailbox
from servers import gate
from servers.daemon import Inboxd, inboxctl
from servers.fill import Writer
from servers.mailmaker import Mailmaker

PER_SECOND = 10

pytestmark = pytest.mark.dovecot


class Deliveries:
    """Somebody who writes ten mails a second, to INBOX and Sent in turn."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._stop = threading.Event()
        self.delivered: list[tuple[str, int, float]] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        maker = Mailmaker(31, median_bytes=1_500)
        try:
            while not self._stop.wait(1 / PER_SECOND):
                for folder in ("INBOX", "Sent"):
                    uid = self._writer.deliver(folder, maker.mail())
                    self.delivered.append((folder, uid, time.monotonic()))
        except BaseException as error:  # noqa: BLE001 - raised in the test
            self.error = error

    @contextmanager
    def going(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        assert self.error is None


def test_a_label_taken_off_by_the_command_line_is_off_for_the_next_message(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="now", labels="all")
    after = inboxd.last_event()
    logins = _logins(mailbox)
    with mailbox.writer() as writer:
        deliveries = Deliveries(writer)
        with deliveries.going():
            inboxd.events(after, 2 * PER_SECOND)
            asked_at = time.monotonic()
            done = inboxctl(
                inboxd.socket, "conditions", f"{mailbox.user}@example.org", "--label", "INBOX"
            )
            answered_at = time.monotonic()
            assert done.returncode == 0, done.stderr
            changed_at = inboxd.last_event()
            inboxd.events(changed_at, 2 * PER_SECOND)
    newest = max(uid for folder, uid, _ in deliveries.delivered if folder == "INBOX")
    with mailbox.oracle() as oracle:
        now = oracle.read(("INBOX", "Sent"))
    deadline = time.monotonic() + 20
    while not any(
        spot.folder == "INBOX" and spot.uid == newest for spot in gate.placements(inboxd, account)
    ):
        assert time.monotonic() < deadline
    stored = gate.placements(inboxd, account)
    times = {(folder, uid): at for folder, uid, at in deliveries.delivered}
    for spot, digest in now.items():
        at = times[spot.folder, spot.uid]
        if spot.folder == "INBOX" or at < asked_at:
            assert stored.get(spot) == digest, f"{spot} is lost"
        elif at > answered_at + 1:  # INTERNALDATE has whole seconds
            assert spot not in stored, f"{spot} came after the change"
    gate.in_order(inboxd, account)
    assert _logins(mailbox) - logins == 2, "the writer's and the oracle's; ours went on"


def test_a_label_added_back_loses_nothing_that_came_after_it(
    inboxd: Inboxd, mailbox: Mailbox
) -> None:
    """P12: from the moment of the change, no earlier and no later."""
    account = inboxd.add(mailbox.user, mailbox.server.port)
    inboxd.sync(account, since="now", labels=["INBOX"])
    after = inboxd.last_event()
    with mailbox.writer() as writer:
        deliveries = Deliveries(writer)
        with deliveries.going():
            inboxd.events(after, 3 * PER_SECOND)
            inboxd.choose(account, labels=["INBOX", "Sent"])
            answered_at = time.monotonic()
            inboxd.events(inboxd.last_event(), 3 * PER_SECOND)
    with mailbox.oracle() as oracle:
        now = oracle.read(("INBOX", "Sent"))
    times = {(folder, uid): at for folder, uid, at in deliveries.delivered}
    needed = {
        spot: digest
        for spot, digest in now.items()
        if spot.folder == "INBOX" or times[spot.folder, spot.uid] > answered_at
    }
    deadline = time.monotonic() + 20
    while not needed.items() <= (stored := gate.placements(inboxd, account)).items():
        assert time.monotonic() < deadline, len(needed.keys() - stored.keys())
    for spot in stored:
        assert spot.folder == "INBOX" or times[spot.folder, spot.uid] > answered_at - 2
    gate.in_order(inboxd, account)


def _logins(mailbox: Mailbox) -> int:
    log = (mailbox.server.home / "dovecot.log").read_text()
    return log.count(f"Login: user=<{mailbox.user}>")
