"""A real terminal with a program in it: what a person sees, and what they type."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 60.0


class Terminal:
    """A program under a pseudo-terminal of 100 columns; use it as a context manager."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self.seen = ""
        """Everything shown so far, without what steers the terminal."""
        self._from = 0

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            self._command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "COLUMNS": "100", "TERM": "xterm", **self._environment},
            start_new_session=True,
            # Without a controlling terminal Ctrl-C would be a character like any other.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
        )
        os.close(slave)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def until(self, shown: str) -> str:
        """Wait until that is shown after what was waited for before; gives all up to it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.seen.find(shown, self._from)) < 0:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), f"{shown!r} never came: {self.seen}"
        before, self._from = self._from, found + len(shown)
        return self.seen[before : self._from]

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.write(self._master, b"\x03")

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_SECONDS)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE_SECONDS)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # how Linux tells that nobody holds the other end any more
            data = b""
        text = data.decode("utf-8", "replace").replace("\r", "")
        self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return bool(data)
