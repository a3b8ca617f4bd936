"""Hundreds of random choices against a model of the rules, while mail arrives (P2-P8, P12)."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conftest import Mailbox
from inboxd.cli.client import Problem
from servers import gate
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.mailmaker import Mailmaker

pytestmark = [pytest.mark.dovecot, pytest.mark.timeout(1_800)]

_SEEDS = count(61)
"""Each example delivers other mail: the same once more would be no new message (P14)."""

FOLDERS = ("INBOX", "Sent", "Archive")
BORDER_SECONDS = 1.5
"""INTERNALDATE has whole seconds: so close to a change either side is right."""


@dataclass(frozen=True)
class Model:
    """What the conditions must be, by the rules alone."""

    since: str = "1m"
    labels: Any = "all"
    opens: bool = False
    links: bool = False

    def chosen(self, folder: str) -> bool:
        return self.labels == "all" or folder in self.labels


class Choices(RuleBasedStateMachine):
    """A person who cannot make up their mind."""

    mailbox: Mailbox

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._inboxd = self._stack.enter_context(Inboxd(Path(mkdtemp(prefix="choices"))))
        self._writer = self._stack.enter_context(self.mailbox.writer())
        self._writer.fill("INBOX", Mailmaker(60, median_bytes=1_000).mails(30))
        self._account = self._inboxd.add(self.mailbox.user, self.mailbox.server.port)
        self._where = f"/v1/accounts/{self._account}"
        self._inboxd.choose(self._account, since="1m", history="everyone", labels="all")
        self._inboxd.client.post(f"{self._where}/sync")
        self._model = Model()
        self._before: list[Model] = []
        self._changed_at: list[float] = []
        self._delivered: list[tuple[str, int, float, bool]] = []
        self._paused = False
        self.actions = 0
        self._maker = Mailmaker(next(_SEEDS), median_bytes=800)

    def _change(self, wish: dict[str, Any], after: Model) -> None:
        began = time.monotonic()
        answer = self._inboxd.client.patch(f"{self._where}/conditions", wish)
        self.actions += 1
        self._changed_at += [began, time.monotonic()]
        if after != self._model:
            assert answer["changes"], "a change says what it does"
            self._before.append(self._model)
        else:
            assert answer["changes"] == []
        self._model = after
        self._compare(answer)

    def _compare(self, answer: dict[str, Any]) -> None:
        model = self._model
        labels = model.labels if model.labels == "all" else list(model.labels)
        assert answer["since"] == model.since
        assert answer["labels"] == labels
        assert answer["tracking"] == {"opens": model.opens, "links": model.links}

    @rule(labels=st.one_of(st.just("all"), st.sets(st.sampled_from(FOLDERS), min_size=1)))
    def choose_labels(self, labels: Any) -> None:
        wanted = labels if labels == "all" else tuple(sorted(labels))
        sent = wanted if wanted == "all" else list(wanted)
        self._change({"labels": sent}, replace(self._model, labels=wanted))

    @rule(since=st.sampled_from(["1m", "3m", "1y"]))
    def choose_start(self, since: str) -> None:
        self._change({"since": since}, replace(self._model, since=since))

    @rule(opens=st.booleans(), links=st.booleans())
    def choose_tracking(self, opens: bool, links: bool) -> None:
        wish = {"tracking": {"opens": opens, "links": links}}
        self._change(wish, replace(self._model, opens=opens, links=links))

    @rule()
    def undo(self) -> None:
        began = time.monotonic()
        if not self._before:
            return
        answer = self._inboxd.client.post(f"{self._where}/conditions/undo")
        self._changed_at += [began, time.monotonic()]
        self._model = self._before.pop()
        self._compare(answer)

    @rule(
        wish=st.sampled_from(
            [
                {"since": "2w"},
                {"since": "now", "history": "everyone"},
                {"history": "contacts"},
                {"labels": ["Nowhere"]},
                {"labels": []},
            ]
        )
    )
    def wish_the_impossible(self, wish: dict[str, Any]) -> None:
        with pytest.raises(Problem) as refused:
            self._inboxd.client.patch(f"{self._where}/conditions", wish)
        assert refused.value.status == 409
        self._compare(self._inboxd.client.get(f"{self._where}/conditions"))

    @precondition(lambda self: not self._paused)
    @rule()
    def pause(self) -> None:
        self._inboxd.client.post(f"{self._where}/pause")
        self._paused = True

    @precondition(lambda self: self._paused)
    @rule()
    def resume(self) -> None:
        self._inboxd.client.post(f"{self._where}/resume")
        self._paused = False

    @rule(folder=st.sampled_from(FOLDERS))
    def deliver(self, folder: str) -> None:
        uid = self._writer.deliver(folder, self._maker.mail())
        chosen = self._model.chosen(folder)
        self._delivered.append((folder, uid, time.monotonic(), chosen))

    @rule(folders=st.lists(st.sampled_from(FOLDERS), min_size=2, max_size=4))
    def deliver_far_from_any_change(self, folders: list[str]) -> None:
        # The one wait on time: only so far from a change can a whole second tell the sides apart.
        threading.Event().wait(BORDER_SECONDS + 0.1)
        for folder in folders:
            self.deliver(folder)
        threading.Event().wait(BORDER_SECONDS + 0.1)

    def teardown(self) -> None:
        """Every mail on its side of the changes, and the gate."""
        try:
            if self._paused:
                self.resume()
            self._inboxd.await_live(self._account)
            # Changes are taken in one after the other; a last mail shows that all were.
            self._inboxd.choose(self._account, labels=list(FOLDERS))
            last = self._writer.deliver("INBOX", self._maker.mail())
            clear = self._check(last)
            print(f"{self.actions} actions, {clear} mails clearly on one side of a change")
            gate.in_order(self._inboxd, self._account)
            self._inboxd.stop()
        finally:
            self._stack.close()

    def _check(self, last: int) -> int:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while lost := self._lost(last):
            assert time.monotonic() < deadline, lost
            time.sleep(0.05)
        return len(self._clear())

    def _clear(self) -> list[tuple[str, int, bool]]:
        return [
            (folder, uid, chosen)
            for folder, uid, at, chosen in self._delivered
            if all(abs(at - change) > BORDER_SECONDS for change in self._changed_at)
        ]

    def _lost(self, last: int) -> set[tuple[str, int]]:
        stored = {(spot.folder, spot.uid) for spot in gate.placements(self._inboxd, self._account)}
        clear = self._clear()
        unwanted = {one[:2] for one in clear if not one[2]} & stored
        assert not unwanted, f"{unwanted} came while their labels were not chosen"
        return {("INBOX", last), *(one[:2] for one in clear if one[2])} - stored


@pytest.mark.parametrize("steps", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_random_choices_keep_to_the_rules_and_lose_no_mail(mailbox: Mailbox, steps: int) -> None:
    class Here(Choices):
        pass

    Here.mailbox = mailbox
    # More than one example, because the first one is the shortest that there is.
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=2,
            phases=[Phase.generate],
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
