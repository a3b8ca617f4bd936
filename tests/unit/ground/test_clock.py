"""The clocks, and noticing that the machine was suspended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
from hypothesis import given
from hypothesis import strategies as st

from inboxd.clock import (
    SUSPENDED_SECONDS,
    Clock,
    Instant,
    SuspendDetector,
    SystemClock,
    suspended_seconds,
)

SECONDS = st.floats(min_value=0, max_value=1e7, allow_nan=False)


class HandClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.awake = 100.0
        self.asleep = 0.0

    def now(self) -> datetime:
        return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=self.boottime())

    def monotonic(self) -> float:
        return self.awake

    def boottime(self) -> float:
        return self.awake + self.asleep

    async def sleep(self, seconds: float) -> None:
        self.awake += seconds


def test_now_is_aware_and_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_the_steady_clocks_never_go_back() -> None:
    clock = SystemClock()
    first, second = Instant.of(clock), Instant.of(clock)
    assert second.monotonic >= first.monotonic
    assert second.boottime >= first.boottime
    assert first.boottime >= 0


async def test_sleep_ends_when_cancelled() -> None:
    clock = SystemClock()
    with anyio.fail_after(5), anyio.move_on_after(0.001) as waiting:
        await clock.sleep(3600)
    assert waiting.cancelled_caught


async def test_sleep_ends_by_itself() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    with anyio.fail_after(5):
        await clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.009


@given(awake=SECONDS, asleep=SECONDS)
def test_a_suspend_is_what_only_the_boot_clock_saw(awake: float, asleep: float) -> None:
    later = Instant(monotonic=100 + awake, boottime=200 + awake + asleep)
    assert abs(suspended_seconds(Instant(100, 200), later) - asleep) < 1e-6


def test_time_spent_between_the_two_readings_is_no_suspend() -> None:
    assert suspended_seconds(Instant(100, 100.5), Instant(200, 200)) == 0


def test_time_passing_is_no_jump_but_a_suspend_is_told_once() -> None:
    clock: Clock = (hand := HandClock())
    detector = SuspendDetector(clock)
    hand.awake += 3600
    assert not detector.jumped()
    hand.asleep += SUSPENDED_SECONDS
    assert detector.jumped()
    assert not detector.jumped()


def test_a_blink_is_no_suspend() -> None:
    hand = HandClock()
    detector = SuspendDetector(hand)
    hand.asleep += SUSPENDED_SECONDS / 2
    assert not detector.jumped()
