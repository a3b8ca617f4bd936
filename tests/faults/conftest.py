"""The fault tests that need nothing of one server run on each of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

import pytest

from conftest import missing
from servers import cyrus as cyrus_server
from servers import gate
from servers.cyrus import Cyrus
from servers.daemon import PATIENCE_SECONDS, Inboxd
from servers.fill import Writer
from servers.oracle import Oracle
from servers.pymap_server import Pymap

LEFT_OUT = ("Drafts", "Junk", "Trash")
"""P8: what `labels: all` does not take."""

_numbers = count(1)

Kind = Literal["dovecot", "cyrus", "pymap"]


@dataclass(frozen=True)
class Somewhere:
    """An empty mailbox on some server."""

    kind: Kind
    port: int
    user: str
    password: str

    def writer(self) -> Writer:
        """Somebody who changes it."""
        return Writer(self.port, self.user, self.password)

    def oracle(self) -> Oracle:
        """Somebody who only looks."""
        return Oracle(self.port, self.user, self.password)

    def add(self, inboxd: Inboxd, port: int | None = None) -> int:
        """An account of it, straight or by way of a proxy's port."""
        login = {"username": self.user, "password": self.password}
        return inboxd.add(self.user, port or self.port, **login)

    def settled(self, inboxd: Inboxd, account: int) -> None:
        """Wait until what is stored is what the server has, then hold the gate."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.oracle() as oracle:
            while True:
                now = oracle.read([one for one in oracle.folders() if one not in LEFT_OUT])
                stored = gate.placements(inboxd, account)
                if stored == now:
                    break
                assert time.monotonic() < deadline, sorted(stored.items() ^ now.items())[:3]
                time.sleep(0.1)
            gate.check(inboxd, account, now)


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """A real Cyrus."""
    root = cyrus_server.fetched()
    if root is None:
        missing("needs Cyrus: apt-get download could not fetch it")
    assert root is not None
    with Cyrus(root) as server:
        yield server


@pytest.fixture
def pymap() -> Iterator[Pymap]:
    """A fresh pymap, emptied of what it shows to visitors; its Trash nobody can empty."""
    with Pymap() as server:
        with Writer(server.port, server.user, server.password) as writer:
            for folder in ("INBOX", "Sent"):
                writer.clear(folder)
        yield server


@pytest.fixture(params=["dovecot", "cyrus", "pymap"])
def anywhere(request: pytest.FixtureRequest) -> Somewhere:
    """A mailbox on each server that there is."""
    kind: Kind = request.param
    if kind == "pymap":
        pymap: Pymap = request.getfixturevalue("pymap")
        return Somewhere(kind, pymap.port, pymap.user, pymap.password)
    number = next(_numbers)
    port = request.getfixturevalue("dovecot" if kind == "dovecot" else "cyrus").port
    user = f"u{number}" if kind == "cyrus" else f"u{1_000 + number}"
    return Somewhere(kind, port, user, user.replace("u", "pw", 1))
