"""Committed events reach whoever waits, from memory or by the store (P33)."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio

from inboxd.events.hub import KEPT, Hub
from inboxd.model.events import Event, EventType
from inboxd.model.ids import EventSeq

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def events(first: int, last: int) -> list[Event]:
    return [
        Event(EventSeq(seq), EventType.MESSAGE_STORED, NOON, None, {})
        for seq in range(first, last + 1)
    ]


async def test_a_waiting_reader_wakes_with_the_first_event_beyond_what_it_saw() -> None:
    hub = Hub()
    hub.begin_behind(EventSeq(7))
    async with anyio.create_task_group() as tasks:

        async def read() -> None:
            assert await hub.wait_beyond(7) == 9

        tasks.start_soon(read)
        await anyio.lowlevel.checkpoint()
        hub.publish(events(8, 9))


def test_kept_events_are_given_from_any_number_on() -> None:
    hub = Hub()
    hub.begin_behind(EventSeq(7))
    hub.publish(events(8, 12))
    assert hub.after(7) == events(8, 12)
    assert hub.after(10) == events(11, 12)
    assert hub.after(12) == []


def test_what_is_not_kept_is_told_apart_from_nothing() -> None:
    hub = Hub()
    hub.begin_behind(EventSeq(7))
    assert hub.after(3) is None
    hub.publish(events(8, 8))
    assert hub.after(6) is None
    hub.publish(events(9, 8 + KEPT))
    assert hub.after(7) is None
    assert hub.after(8) == events(9, 8 + KEPT)


def test_a_commit_without_events_wakes_nobody() -> None:
    hub = Hub()
    hub.publish([])
    assert hub.last == 0
