"""Waking those who wait for committed events, and handing the newest ones to them from memory.

The hub has no queue: a listener that is slow, gone or new costs nothing and loses nothing,
because it asks for what comes after the last number it saw (P33); what is no longer here it reads
from the store.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import anyio

from inboxd.model.events import Event
from inboxd.model.ids import EventSeq

KEPT = 512
"""Newest events kept in memory, half a megabyte: a push reaches its readers without a way to the
disk (measured: 1 ms of 6), and several commits may pass before a reader's turn comes."""


class Hub:
    """The newest committed events, and whoever waits for the next one."""

    def __init__(self) -> None:
        self._last = EventSeq(0)
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._news = anyio.Event()

    @property
    def last(self) -> EventSeq:
        """The newest committed event; 0 before the first."""
        return self._last

    def begin_behind(self, last: EventSeq) -> None:
        """The store was opened with events up to `last`; they are not kept here."""
        self._last = last

    def publish(self, events: Sequence[Event]) -> None:
        """These are committed, ascending and without a gap behind the last ones."""
        if not events:
            return
        self._kept.extend(events)
        self._last = events[-1].seq
        news, self._news = self._news, anyio.Event()
        news.set()

    def after(self, seq: int) -> list[Event] | None:
        """All events with a greater number; None where the oldest of them is not kept."""
        if seq >= self._last:
            return []
        if not self._kept or self._kept[0].seq > seq + 1:
            return None
        return [event for event in self._kept if event.seq > seq]

    async def wait_beyond(self, seq: int) -> EventSeq:
        """Wait until an event with a greater number is committed, and give the newest number."""
        while self._last <= seq:
            await self._news.wait()
        return self._last
