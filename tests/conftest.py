"""What all tests share: the event loop, the servers, the corpus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from rules import pytest_runtest_makereport, pytest_terminal_summary
from servers import dovecot as dovecot_server
from servers.daemon import Inboxd
from servers.dovecot import Dovecot
from servers.fill import Writer
from servers.oracle import Oracle

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio: aioimaplib, aiosmtplib and aiosqlite stand on nothing else."""
    return "asyncio", {"debug": False}


def missing(what: str) -> None:
    """Skip a test for want of a program; a failure where every program should be there."""
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A real Dovecot."""
    if not dovecot_server.installed():
        missing("needs Dovecot: apt install dovecot-imapd")
    with Dovecot() as server:
        yield server


_numbers = count(1)


@dataclass(frozen=True)
class Mailbox:
    """A mailbox that no other test uses."""

    server: Dovecot
    user: str

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


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    """A fresh mailbox."""
    return Mailbox(dovecot, f"u{next(_numbers)}")


@pytest.fixture
def inboxd(tmp_path: Path, dovecot: Dovecot) -> Iterator[Inboxd]:
    """A running daemon with an empty store that trusts the server's certificate."""
    with Inboxd(tmp_path, ca_file=dovecot.ca_file) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The directory of real messages with what is right about them."""
    beside = Path(__file__).parents[2] / "shared" / "corpus"
    path = Path(os.environ.get("INBOXD_CORPUS", beside))
    if not path.is_dir():
        # In CI too: it is beside the project, not in it, and no package brings it.
        pytest.skip(f"needs the corpus of real messages at {path} (or $INBOXD_CORPUS)")
    return path
