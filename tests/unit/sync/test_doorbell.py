"""A bell that rings twice before it is answered has rung once, and no ring is lost."""

from __future__ import annotations

import anyio

from inboxd.sync.doorbell import Doorbell


async def test_a_ring_before_the_wait_is_not_lost() -> None:
    bell = Doorbell()
    bell.ring()
    bell.ring()
    with anyio.fail_after(1):
        await bell.wait()
    assert not bell.answer()


async def test_a_ring_wakes_who_waits() -> None:
    bell = Doorbell()
    with anyio.fail_after(1):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bell.wait)
            await anyio.lowlevel.checkpoint()
            bell.ring()
    assert not bell.rung


def test_a_ring_calls_whoever_waits_for_something_else() -> None:
    bell, calls = Doorbell(), list[str]()
    with bell.calling(lambda: calls.append("woken")):
        assert calls == []
        bell.ring()
        assert calls == ["woken"]
    bell.ring()
    assert calls == ["woken"]
    with bell.calling(lambda: calls.append("late")):
        assert calls == ["woken", "late"]
    assert bell.answer()
