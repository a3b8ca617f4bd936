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
        self._rung = anyio.Event()
        self._called: Callable[[], None] | None = None

    @property
    def rung(self) -> bool:
        """Whether it rang since the last answer."""
        return self._rung.is_set()

    def ring(self) -> None:
        """Wake the task, or tell it that it has to look again."""
        self._rung.set()
        if self._called is not None:
            self._called()

    def answer(self) -> bool:
        """Whether it rang since the last answer. Answer before looking, or a ring is lost."""
        if not self._rung.is_set():
            return False
        self._rung = anyio.Event()
        return True

    async def wait(self) -> None:
        """Wait for the bell and answer it."""
        await self._rung.wait()
        self.answer()

    async def rang(self) -> None:
        """Wait for the bell and leave the answer to who looks next."""
        await self._rung.wait()

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
