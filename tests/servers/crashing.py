"""The daemon, made to die at a chosen moment: `python -m servers.crashing run --config FILE`.

The moments are counted where state changes hands: before and after each commit, and before each
command to a server. With `CRASH_AT=k` the process ends at the k-th of them, as by SIGKILL; it
writes how many there were to `CRASH_COUNT`. The product knows nothing of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, cast

from inboxd.imap.protocol import ImapProtocol
from inboxd.main import main
from inboxd.store.database import Database

_EXIT = 137


class Moments:
    """Counts, and ends the process at the chosen one."""

    def __init__(self) -> None:
        self._chosen = int(os.environ.get("CRASH_AT", "0"))
        self._file = Path(os.environ["CRASH_COUNT"])
        self._passed = 0
        self._lock = Lock()

    def pass_one(self) -> None:
        """One more moment."""
        with self._lock:
            self._passed += 1
            self._file.write_text(str(self._passed))
            if self._passed == self._chosen:
                os._exit(_EXIT)

    def around(self, owner: type, name: str, *, after: bool) -> None:
        """Count each call of a method: before it, and after it too."""
        plain = cast("Callable[..., Any]", getattr(owner, name))

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.pass_one()
            result = plain(*args, **kwargs)
            if after:
                self.pass_one()
            return result

        setattr(owner, name, counted)


if __name__ == "__main__":
    moments = Moments()
    moments.around(Database, "_commit_together", after=True)
    moments.around(ImapProtocol, "begin", after=False)
    main()
