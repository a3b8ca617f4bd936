"""A laptop that slept: every connection is in doubt (T10)."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import anyio

from inboxd.accounts.supervisor import LOOK_SECONDS, Supervisor
from inboxd.model.ids import AccountId
from inboxd.sync.session import Ground


class Laptop:
    """A clock whose machine sleeps for eight hours during one of the waits."""

    def __init__(self, sleeps_in: int) -> None:
        self.awake = 0.0
        self.asleep = 0.0
        self.waits = 0
        self._sleeps_in = sleeps_in

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.awake

    def boottime(self) -> float:
        return self.awake + self.asleep

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.waits += 1
        self.awake += seconds
        if self.waits == self._sleeps_in:
            self.asleep += 8 * 3600


async def test_every_account_looks_at_its_connection_soon_after_a_suspend() -> None:
    """T10: within 15 seconds, and once for each suspend."""
    clock = Laptop(sleeps_in=3)
    rung: list[tuple[int, float]] = []
    settings = SimpleNamespace(limits=SimpleNamespace(logins_per_second=10))
    ground = Ground(cast("Any", None), clock, cast("Any", settings), cast("Any", None), Random(1))
    async with anyio.create_task_group() as tasks:
        supervisor = Supervisor(ground, tasks, cast("Any", None))

        class Account:
            def ring(self) -> None:
                rung.append((1, clock.awake))

        supervisor._running[AccountId(1)] = cast("Any", (Account(), None))
        tasks.start_soon(supervisor.watch_for_suspends)
        while clock.waits < 10:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert rung == [(1, 3 * LOOK_SECONDS)]
    assert LOOK_SECONDS <= 15
