"""What all tests share: the event loop, the servers, the corpus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from rules import pytest_runtest_makereport, pytest_terminal_summary
from servers import cyrus as cyrus_server
from servers import dovecot as dovecot_server
from servers.cyrus import Cyrus
from servers.daemon import Inboxd
from servers.dovecot import Dovecot
from servers.mailbox import AnyMailbox
from servers.pymap_server import Pymap

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


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """A real Cyrus IMAP."""
    root = cyrus_server.fetched()
    if root is None:
        missing("needs Cyrus: apt-get download could not fetch it")
    assert root is not None
    with Cyrus(root) as server:
        yield server


_numbers = count(1)

Mailbox: TypeAlias = AnyMailbox[Dovecot]


@pytest.fixture
def mailbox(dovecot: Dovecot) -> Mailbox:
    """A fresh mailbox."""
    return Mailbox(dovecot, f"u{next(_numbers)}")


@pytest.fixture
def anywhere(request: pytest.FixtureRequest) -> Iterator[AnyMailbox[Any]]:
    """A fresh mailbox on the server that the test's parameters name."""
    user = f"u{next(_numbers)}"
    if request.param != "pymap":
        yield AnyMailbox(request.getfixturevalue(request.param), user, request.param)
        return
    # It keeps one user's mail, in memory: each test has its own, with the folders others make.
    with Pymap((user, user.replace("u", "pw", 1)), demo_data=False) as server:
        mailbox = AnyMailbox(server, user, "pymap")
        with mailbox.writer() as writer:
            for folder in ("Sent", "Drafts", "Trash", "Archive"):
                writer.create(folder)
        yield mailbox


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
