"""`inboxctl` against the real API in front of a fake desk, over a real Unix socket."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from inboxd.api.app import create_app
from inboxd.api.server import bind, serve
from inboxd.cli import main
from unit.api.fake_desk import FakeDesk


@dataclass
class Daemon:
    """The API of a fake desk, served from another thread."""

    path: Path
    desk: FakeDesk
    portal: BlockingPortal
    end: Callable[[], None]
    """Stop serving, and wait until that is done."""

    def environment(self) -> dict[str, str]:
        """What `inboxctl` needs to find it."""
        return {**os.environ, "INBOXD_SOCKET": str(self.path)}


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the reader sit in Berlin."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Serve a desk with one account for the length of a test."""
    path, desk, ended = tmp_path / "inboxd.sock", FakeDesk(), []
    desk.have_account()
    # The daemon's log would land in the output of commands, which share this process.
    with capture_logs(), start_blocking_portal() as portal:
        stopping = portal.call(anyio.Event)

        async def run(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            app = create_app(desk, stopping=stopping)
            await serve(app, bind(path, 0o660), stopping, task_status=task_status)

        serving, _ = portal.start_task(run)

        def end() -> None:
            portal.call(stopping.set)
            serving.result(timeout=10)
            ended.append(True)

        yield Daemon(path, desk, portal, end)
        if not ended:
            end()


@dataclass
class Inboxctl:
    """Runs commands inside this process."""

    environment: dict[str, str]

    def __call__(self, *words: str, typed: str | None = None) -> Result:
        """Run one command; nothing but its own errors may end it."""
        result = CliRunner(env=self.environment).invoke(main, words, input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def process(self, *words: str) -> subprocess.Popen[bytes]:
        """Start one command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", "from inboxd.cli import main; main()", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )


_ON_A_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from inboxd.cli import main
main()
"""


class Terminal:
    """A person's terminal with one command running in it."""

    def __init__(self, daemon: Daemon, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**daemon.environment(), "TERM": "xterm", "COLUMNS": "80"},
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until `text` was shown."""
        while text not in self.seen:
            self.seen += os.read(self._ours, 4096).decode()

    def type(self, text: str) -> None:
        """Press keys; `\\x03` is Ctrl-C."""
        os.write(self._ours, text.encode())

    def close(self) -> None:
        """Leave nothing running."""
        self.process.kill()
        self.process.wait(10)
        os.close(self._ours)


@pytest.fixture
def terminal(daemon: Daemon) -> Iterator[Callable[..., Terminal]]:
    """Open terminals with commands in them."""
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(daemon, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def inboxctl(daemon: Daemon) -> Inboxctl:
    """The command line, pointed at the daemon."""
    return Inboxctl(daemon.environment())
