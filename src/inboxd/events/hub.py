"""Waking those who wait for committed events; the events themselves are read from the store.

The hub holds one number and no queue: a listener that is slow, gone or new costs nothing and
loses nothing, because it asks the store for what comes after the last number it saw (P33).
"""

from __future__ import annotations

import anyio

from inboxd.model.ids import EventSeq


class Hub:
    """The number of the newest committed event, and whoever waits for a greater one."""

    def __init__(self) -> None:
        self._last = EventSeq(0)
        self._news = anyio.Event()

    @property
    def last(self) -> EventSeq:
        """The newest committed event; 0 before the first."""
        return self._last

    def publish(self, seq: EventSeq) -> None:
        """Everything up to `seq` is committed."""
        self._last = seq
        news, self._news = self._news, anyio.Event()
        news.set()

    async def wait_beyond(self, seq: int) -> EventSeq:
        """Wait until an event with a greater number is committed, and give the newest number."""
        while self._last <= seq:
            await self._news.wait()
        return self._last
