"""A wake-up that can be rung any number of times and is answered once."""

from __future__ import annotations

import anyio


class Doorbell:
    """Rung by whoever changed something; answered by the one task that lives here.

    A bell that rings twice before it is answered has rung once: the answer looks at everything.
    """

    def __init__(self) -> None:
        self._rung = anyio.Event()

    @property
    def rung(self) -> anyio.Event:
        """Set once the bell has rung since the last answer; a new event after each answer."""
        return self._rung

    def ring(self) -> None:
        """Wake the task, or tell it that it has to look again."""
        self._rung.set()

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
