"""How fast connections are made, over all accounts: a restarted server must meet no stampede."""

from __future__ import annotations

from inboxd.clock import Clock


class LoginPacer:
    """Gives out moments for logins, so many a second, in the order they were asked for."""

    def __init__(self, logins_per_second: float, clock: Clock) -> None:
        self._gap_seconds = 1 / logins_per_second
        self._clock = clock
        self._following = 0.0

    async def turn(self) -> None:
        """Wait for the next free moment (F6).

        A moment that is waited for and then not used is not given to another: at worst the
        pace is slower than allowed, never faster.
        """
        now = self._clock.monotonic()
        mine = max(now, self._following)
        self._following = mine + self._gap_seconds
        if mine > now:
            await self._clock.sleep(mine - now)
