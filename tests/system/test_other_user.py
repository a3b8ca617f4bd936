"""Another user of the same machine: what the control socket and the state directory keep closed.

Nothing on the way there is closed, so that it is inboxd's own modes that are tried.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

import inboxd as product
from conftest import Mailbox, missing
from servers.daemon import Inboxd

NOBODY, NOGROUP = 65_534, 65_534
GROUP = 64_001
"""The socket's; a number is enough, it needs no name."""

_CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
_INBOXCTL = "from inboxd.cli import main; main(prog_name='inboxctl')"


@dataclass(frozen=True)
class Other:
    """Somebody without any right of root's or of the daemon's."""

    python: str
    group: int

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as this user."""
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={self.group}", "--clear-groups"]
        packages = [Path(product.__file__).parents[1], Path(click.__file__).parents[1]]
        return subprocess.run(
            [*drop, *map(str, command)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, packages)), "HOME": "/"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def connects(self, path: Path) -> bool:
        """Whether this user gets through to a socket; a refusal must be one of rights."""
        done = self.run(self.python, "-c", _CONNECT, path)
        assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
        return done.returncode == 0

    def inboxctl(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as this user."""
        return self.run(self.python, "-c", _INBOXCTL, "--socket", path, *arguments)


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that another user may run: root's own can lie in root's home."""
    if os.geteuid() != 0:
        missing("needs root, to become another user")
    for path in (sys.executable, "/usr/bin/python3"):
        if Other(path, NOGROUP).run(path, "-c", "import inboxd.cli").returncode == 0:
            return path
    missing("needs a Python that another user may run")
    raise AssertionError


@pytest.fixture
def stranger(python: str) -> Other:
    """Somebody who is in no group of the daemon's."""
    return Other(python, NOGROUP)


@pytest.fixture
def member(python: str) -> Other:
    """Somebody in the socket's group."""
    return Other(python, GROUP)


@contextmanager
def running(mode: str = "0660") -> Iterator[Inboxd]:
    """A daemon in a directory that all may enter and whose files belong to the group."""
    with tempfile.TemporaryDirectory(prefix="inboxd-") as name:
        home = Path(name)
        os.chown(home, 0, GROUP)
        home.chmod(0o2755)
        control = {"socket": str(home / "inboxd.sock"), "mode": mode}
        with Inboxd(home, options={"control": control}) as inboxd:
            yield inboxd
            inboxd.stop()


def test_the_socket_is_open_to_whom_its_mode_says(stranger: Other, member: Other) -> None:
    """0660 is the default."""
    who = {}
    for mode in ("0600", "0660", "0666"):
        with running(mode) as inboxd:
            assert inboxd.socket.stat().st_gid == GROUP
            who[mode] = stranger.connects(inboxd.socket), member.connects(inboxd.socket)
    assert who == {"0600": (False, False), "0660": (False, True), "0666": (True, True)}


def test_nobody_else_sees_the_state(stranger: Other, member: Other, mailbox: Mailbox) -> None:
    """P34: neither the list of its files nor a byte of them; nor does the socket's group."""
    with running() as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="now", labels="all")
        files = sorted(path for path in inboxd.state.rglob("*") if path.is_file())
        assert {"inboxd.db", "inboxd.db-wal", "key", "lock"} <= {path.name for path in files}
        for other in (stranger, member):
            assert other.run("cat", inboxd.config).returncode == 0, "the way there is closed"
            assert "Permission denied" in other.run("ls", inboxd.state).stderr
            for path in files:
                done = other.run("cat", path)
                assert "Permission denied" in done.stderr, path.name
                assert not done.stdout


def test_no_file_of_the_state_is_anybody_elses_even_in_an_open_directory(
    stranger: Other, member: Other, mailbox: Mailbox
) -> None:
    """P34: a directory opened by mistake, by a backup or a restore, gives nothing away."""
    with running() as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        inboxd.sync(account, since="now", labels="all")
        inboxd.state.chmod(0o755)
        for path in inboxd.state.rglob("*"):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path.name
            assert stranger.run("cat", path).returncode != 0
            assert member.run("cat", path).returncode != 0
        inboxd.stop()
        inboxd.start()
        assert stat.S_IMODE(inboxd.state.stat().st_mode) == 0o700


def test_inboxctl_tells_a_stranger_what_to_do(stranger: Other) -> None:
    """A sentence and the exit code for "not reachable", neither usage nor a traceback."""
    with running() as inboxd:
        done = stranger.inboxctl(inboxd.socket, "status")
        assert (done.returncode, done.stdout) == (3, "")
        (sentence,) = done.stderr.splitlines()
        assert f"You may not use {inboxd.socket}" in sentence
        assert "ask to become a member of the group" in sentence


def test_a_member_of_the_group_may_and_the_journal_names_them(
    member: Other, mailbox: Mailbox
) -> None:
    """P12: by the uid that the kernel tells, not by anything that the caller says."""
    with running() as inboxd:
        account = inboxd.add(mailbox.user, mailbox.server.port)
        assert member.inboxctl(inboxd.socket, "status").returncode == 0
        inboxd.choose(account, since="now", labels="all")
        address = inboxd.account(account)["address"]
        change = ("--since", "1y", "--history", "contacts")
        done = member.inboxctl(inboxd.socket, "conditions", address, *change)
        assert done.returncode == 0, done.stderr
        journal = list(inboxd.client.items(f"/v1/accounts/{account}/conditions/journal"))
        assert {one["caller"] for one in journal} == {"uid 0", f"uid {NOBODY}"}
