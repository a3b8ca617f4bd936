"""A wake-up that can be rung any number of times and is answered once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio


class Doorbell:
    """Rung by whoever changed something; answered by the one task that lives here.

    A bell that rings twice before it is answered has rung once: the answer looks at everything.
    """

    def __init__(self) -> None:
        self._rung = False
        # Made only while somebody waits: an event costs 0.9 kB, and most bells are never waited
        # for.
        self._waiter: anyio.Event | None = None
        self._called: Callable[[], None] | None = None

    @property
    def rung(self) -> bool:
        """Whether it rang since the last answer."""
        return self._rung

    def ring(self) -> None:
        """Wake the task, or tell it that it has to look again."""
        self._rung = True
        if self._waiter is not None:
            self._waiter.set()
        if self._called is not None:
            self._called()

    def answer(self) -> bool:
        """Whether it rang since the last answer. Answer before looking, or a ring is lost."""
        rung, self._rung = self._rung, False
        return rung

    async def wait(self) -> None:
        """Wait for the bell and answer it."""
        await self.rang()
        self.answer()

    async def rang(self) -> None:
        """Wait for the bell and leave the answer to who looks next."""
        if self._rung:
            return
        self._waiter = anyio.Event()
        try:
            await self._waiter.wait()
        finally:
            self._waiter = None

    @contextmanager
    def calling(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` at each ring, and at once when it rang already.

        A task that waits for something else can be woken so, without a second task that waits
        for the bell: a thousand idle accounts would pay 5 kB each for it.
        """
        self._called = wake
        if self.rung:
            wake()
        try:
            yield
        finally:
            self._called = None
