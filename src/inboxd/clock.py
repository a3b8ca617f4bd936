"""Time as a dependency: the one place that asks the operating system what time it is or waits.

Everything else is handed a `Clock`, so that tests move time instead of spending it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import anyio

SUSPENDED_SECONDS = 5.0
"""Less than this apart is no suspend: the two clocks are read one after the other, and a loaded
machine may take its time in between. A real suspend that short harms no TCP connection."""


class Clock(Protocol):
    """What the program may know of time."""

    def now(self) -> datetime:
        """The wall clock, aware UTC. It may jump: fit for stamps, never for measuring."""

    def monotonic(self) -> float:
        """Seconds that never go back; they stand still while the machine is suspended."""

    def boottime(self) -> float:
        """Seconds that never go back and count a suspend as well."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the monotonic clock; interruptible by cancellation."""


class SystemClock:
    """The machine's own clocks (clock_gettime(2))."""

    def now(self) -> datetime:
        """CLOCK_REALTIME."""
        return datetime.now(UTC)  # noqa: TID251 - here is where the time is taken

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC, the clock of the event loop."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    def boottime(self) -> float:
        """CLOCK_BOOTTIME."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await anyio.sleep(seconds)  # noqa: TID251 - here is where waiting is done


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both steady clocks, in seconds."""

    monotonic: float
    boottime: float

    @classmethod
    def of(cls, clock: Clock) -> Instant:
        """Read both clocks."""
        return cls(clock.monotonic(), clock.boottime())


def suspended_seconds(earlier: Instant, later: Instant) -> float:
    """How long the machine was suspended between two instants; never negative."""
    lived = later.boottime - earlier.boottime
    awake = later.monotonic - earlier.monotonic
    return max(0.0, lived - awake)


class SuspendDetector:
    """Tells that the machine was suspended: every connection made before is then in doubt.

    No timer notices by itself, because the event loop's clock stood still as well.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = Instant.of(clock)

    def jumped(self) -> bool:
        """Whether there was a suspend since the last call (or since the detector was made)."""
        last, self._last = self._last, Instant.of(self._clock)
        return suspended_seconds(last, self._last) >= SUSPENDED_SECONDS
