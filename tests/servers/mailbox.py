"""A mailbox on whichever server a test runs on, and the choice of these servers.

A test body is written once: `@everywhere()` runs it on each server with `anywhere` as its mailbox.
What a server cannot do is said there, in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pytest

from servers.fill import Writer
from servers.oracle import Oracle

SERVERS = ("dovecot", "cyrus", "pymap")

LEFT_OUT = ("Drafts", "Junk", "Trash")
"""What `labels: all` leaves out."""


class Server(Protocol):
    """A running server on this machine."""

    @property
    def port(self) -> int:
        """Where it speaks IMAP without TLS."""


class LastingServer(Server, Protocol):
    """One whose mail outlives its processes."""

    def start(self) -> None:
        """Start it on the port that it had."""

    def stop(self) -> None:
        """Stop it with all its processes."""

    def kill_imap_processes(self, user: str) -> int:
        """Kill each of a user's processes in the middle of whatever it does; how many."""


S_co = TypeVar("S_co", bound=Server, covariant=True)


@dataclass(frozen=True)
class AnyMailbox(Generic[S_co]):
    """A mailbox that no other test uses."""

    server: S_co
    user: str
    where: str = "dovecot"

    @property
    def password(self) -> str:
        """What opens it."""
        return self.user.replace("u", "pw", 1)

    def writer(self) -> Writer:
        """Somebody who changes it."""
        return Writer(self.server.port, self.user, self.password)

    def oracle(self) -> Oracle:
        """Somebody who only looks."""
        return Oracle(self.server.port, self.user, self.password)


def everywhere(but: Mapping[str, str] | None = None) -> pytest.MarkDecorator:
    """Run a test on each server; `but` says of a server why not there."""
    names = [name for name in SERVERS if name not in (but or {})]
    return pytest.mark.parametrize("anywhere", [on(name) for name in names], indirect=True)


def on(name: str, *values: Any, slow: bool = False) -> Any:
    """The parameters of one run: the server's name for `anywhere`, then the test's own."""
    marks = [pytest.mark.dovecot] if name == "dovecot" else []
    if slow:
        marks.append(pytest.mark.slow)
    return pytest.param(name, *values, marks=marks)
