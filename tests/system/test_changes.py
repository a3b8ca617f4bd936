"""Every change of the conditions at every moment: idle, mid-history, paused (P12).

The history goes over a slow wire, so that there is a middle.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from conftest import Mailbox
from servers import gate
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.fill import Writer
from servers.mailmaker import Mailmaker
from servers.relay import FaultProxy

pytestmark = pytest.mark.dovecot

RECENT, OLD = (datetime.now(UTC) - timedelta(days=days) for days in (10, 200))
EACH = 40
"""Messages of each age in each folder."""

SETTLED_SECONDS = 1.1
"""INTERNALDATE has whole seconds: in the one of a change both sides come in."""


@dataclass
class Scene:
    """A mailbox with three folders, an account at some moment, and who writes to it."""

    inboxd: Inboxd
    account: int
    writer: Writer
    proxy: FaultProxy
    portal: object
    maker: Mailmaker
    moment: str

    def change(self, **conditions: object) -> None:
        """Change the conditions, and let the second of the change pass."""
        self.inboxd.choose(self.account, **conditions)
        time.sleep(SETTLED_SECONDS)

    def go_on(self) -> None:
        """Whatever the moment was: until the account is live."""
        self.portal.call(self.proxy.resume)  # type: ignore[attr-defined]
        if self.moment == "paused":
            self.inboxd.client.post(f"/v1/accounts/{self.account}/resume")
        self.inboxd.await_live(self.account)

    def new_mail(self, folder: str) -> str:
        """Something new in a folder; its subject."""
        subject = f"New in {folder}"
        self.writer.deliver(folder, self.maker.mail(subject=subject))
        return subject

    def await_subject(self, subject: str) -> None:
        """Wait until it is stored."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while subject not in self.subjects():
            assert time.monotonic() < deadline, subject
            time.sleep(0.05)

    def subjects(self) -> set[str]:
        """Of all stored messages."""
        return {one["subject"] for one in self.inboxd.messages(self.account)}

    def stored(self, folder: str, *, before: datetime | None = None) -> int:
        """How many placements of a folder are stored, all or those of before then."""
        found = self.inboxd.messages(self.account, label=folder)
        return sum(
            before is None or datetime.fromisoformat(one["internal_date"]) < before
            for one in found
        )


@pytest.fixture(params=["idle", "history", "paused"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, mailbox: Mailbox) -> Iterator[Scene]:
    maker = Mailmaker(33, median_bytes=3_000)
    with mailbox.writer() as writer:
        for folder in ("Sales", "Support"):
            writer.create(folder)
        for folder in ("INBOX", "Sales", "Support"):
            for at in (OLD, RECENT):
                writer.fill(folder, maker.mails(EACH), at)
        options = {"sync": {"sweep_seconds": 1, "batch_messages": 8}}
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(FaultProxy.to(mailbox.server.port)) as proxy,
            Inboxd(tmp_path, options=options) as inboxd,
        ):
            account = inboxd.add(mailbox.user, proxy.port)
            inboxd.choose(account, since="3m", history="everyone", labels=["INBOX", "Sales"])
            if request.param != "idle":
                portal.call(proxy.trickle, 2_048, 0.02)
            inboxd.client.post(f"/v1/accounts/{account}/sync")
            inboxd.await_account(account, lambda now: (now["history"] or {}).get("stored", 0) >= 8)
            if request.param == "paused":
                inboxd.client.post(f"/v1/accounts/{account}/pause")
            if request.param == "idle":
                inboxd.await_live(account)
            else:
                assert inboxd.account(account)["history"]["finished_at"] is None
            yield Scene(inboxd, account, writer, proxy, portal, maker, request.param)
            gate.in_order(inboxd, account)
            inboxd.stop()


def test_a_label_added_brings_its_new_mail_and_no_old(scene: Scene) -> None:
    """P12."""
    scene.change(labels=["INBOX", "Sales", "Support"])
    new = scene.new_mail("Support")
    scene.go_on()
    scene.await_subject(new)
    assert scene.stored("Support") == 1
    assert scene.stored("INBOX") == scene.stored("Sales") == EACH


def test_a_label_removed_brings_nothing_more_and_takes_nothing_away(scene: Scene) -> None:
    """P12: of a history that had not come to it, it brings nothing."""
    before = scene.stored("Sales")
    scene.change(labels=["INBOX"])
    missed = scene.new_mail("Sales")
    new = scene.new_mail("INBOX")
    scene.go_on()
    scene.await_subject(new)
    assert scene.stored("Sales") == before == (EACH if scene.moment == "idle" else 0)
    assert missed not in scene.subjects()


def test_a_label_renamed_on_the_server_stays_chosen(scene: Scene) -> None:
    """P12: its history and its new mail come in under the new name."""
    scene.writer.rename("Sales", "Deals")
    scene.go_on()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "Deals" not in scene.inboxd.account(scene.account)["conditions"]["labels"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    scene.inboxd.await_live(scene.account)
    scene.await_subject(scene.new_mail("Deals"))
    assert scene.stored("Deals") == EACH + 1
    assert scene.stored("Sales") == 0


def test_a_wider_start_date_moves_the_end_of_a_history_under_way(scene: Scene) -> None:
    """P12: what was left out for its age a moment ago is looked at again; later nothing is."""
    scene.change(since="1y")
    scene.go_on()
    old = 0 if scene.moment == "idle" else EACH
    for folder in ("INBOX", "Sales"):
        assert scene.stored(folder) == EACH + old
    assert scene.inboxd.client.post(f"/v1/accounts/{scene.account}/verify")["good"]


def test_a_narrower_start_date_ends_a_history_sooner_and_deletes_nothing(scene: Scene) -> None:
    """P12."""
    scene.inboxd.choose(scene.account, since="1y")
    scene.change(since="1m")
    scene.go_on()
    for folder in ("INBOX", "Sales"):
        assert scene.stored(folder, before=OLD + timedelta(days=1)) == 0
        assert scene.stored(folder) == EACH
    assert scene.inboxd.client.post(f"/v1/accounts/{scene.account}/verify")["good"]
