"""How long to wait before trying again (P20): growing pauses that no two accounts share.

Pure: it says how long, somebody else waits, and can be interrupted while waiting.
"""

from __future__ import annotations

from random import Random

FIRST_SPREAD = 1.5
"""The first pause lies between `first_seconds` and this many times as much: short, because most
trouble is over at once, yet spread, because one restart of a server cuts off everybody."""


class Backoff:
    """The pauses of one retry loop, each drawn evenly from a range whose upper end doubles.

    Full jitter (from the least pause up, not around a middle): after a long outage a thousand
    accounts come back as an even trickle.
    """

    def __init__(self, first_seconds: float, most_seconds: float, random: Random) -> None:
        """Pauses lie between `first_seconds` and `most_seconds`, both included.

        Raises ValueError unless 0 < first_seconds <= most_seconds.
        """
        if not 0 < first_seconds <= most_seconds:
            raise ValueError("a back-off needs 0 < first_seconds <= most_seconds")
        self._first = first_seconds
        self._most = most_seconds
        self._random = random
        self._ceiling = self._lowest_ceiling

    @property
    def _lowest_ceiling(self) -> float:
        return min(self._most, self._first * FIRST_SPREAD)

    def next(self) -> float:
        """The next pause in seconds."""
        # uniform() may land one rounding step outside of its range.
        drawn = min(
            self._ceiling, max(self._first, self._random.uniform(self._first, self._ceiling))
        )
        self._ceiling = min(self._most, self._ceiling * 2)
        return drawn

    def reset(self) -> None:
        """Start over with the first pause: to be called once caught up, not once connected.

        A server that accepts logins and then drops the connection would otherwise be hammered.
        """
        self._ceiling = self._lowest_ceiling
