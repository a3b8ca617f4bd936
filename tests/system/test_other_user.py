"""Who may use the socket and read the files, tried as another user (P34)."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import missing
from inboxd.cli import main
from servers.daemon import Inboxd, inboxctl

NOBODY = 65_534
GROUP = 65_533
"""A group that the other user is in or not; no name is needed for it."""
WAIT_SECONDS = 30


def as_other_user(action: Callable[[], Any], *, group: int = NOBODY) -> Any:
    """What `action` gives when another user runs it; the class of its error where it fails.

    A fork, because that user may not even enter the directory of the programs.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_become_and_run, args=(action, group, there)
    )
    process.start()
    assert here.poll(WAIT_SECONDS), "the other user's process said nothing"
    told = here.recv()
    process.join(WAIT_SECONDS)
    return told


def _become_and_run(action: Callable[[], Any], group: int, told: Connection) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(NOBODY)
    try:
        told.send(action())
    except OSError as error:
        told.send(type(error))


@pytest.fixture
def open_home(tmp_path: Path) -> Iterator[Path]:
    """A home that anybody may enter: what refuses then is the daemon's own doing."""
    if os.getuid() != 0:
        missing("needs root, to be somebody else for a moment")
    above = [one for one in (tmp_path, *tmp_path.parents) if one.stat().st_uid == os.getuid()]
    modes = {one: one.stat().st_mode for one in above}
    for one, mode in modes.items():
        one.chmod(mode | 0o711)
    yield tmp_path
    for one, mode in modes.items():
        one.chmod(mode)


def connect(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
    return "connected"


def test_another_user_reaches_neither_socket_nor_files(open_home: Path) -> None:
    with Inboxd(open_home) as inboxd:
        assert as_other_user(inboxd.config.exists), "the way there is open"
        assert as_other_user(lambda: connect(inboxd.socket)) is PermissionError
        assert as_other_user(lambda: list(inboxd.state.iterdir())) is PermissionError
        files = list(inboxd.state.iterdir())
        assert {"inboxd.db", "key"} <= {path.name for path in files}
        for path in files:
            assert as_other_user(path.read_bytes) is PermissionError, path.name
        # Where somebody opens the directory by mistake, the files are still closed.
        inboxd.state.chmod(0o711)
        for path in files:
            assert as_other_user(path.read_bytes) is PermissionError, path.name
        inboxd.state.chmod(0o700)
        inboxd.stop()


def test_the_command_line_tells_another_user_what_to_do(open_home: Path) -> None:
    with Inboxd(open_home) as inboxd:
        words = ["--socket", str(inboxd.socket), "status"]
        assert CliRunner().invoke(main, words).exit_code == 0

        def try_it() -> tuple[int, str]:
            result = CliRunner().invoke(main, words)
            return result.exit_code, result.output

        code, said = as_other_user(try_it)
        assert code == 3
        assert "may not" in said or "permission" in said.lower()
        assert "Traceback" not in said
        inboxd.stop()


def test_the_socket_s_group_may_use_it_and_is_named_in_the_journal(open_home: Path) -> None:
    """P12: every change is written down with who asked."""
    with Inboxd(open_home) as inboxd:
        os.chown(inboxd.socket, -1, GROUP)
        assert as_other_user(lambda: connect(inboxd.socket), group=GROUP) == "connected"
        assert as_other_user(lambda: connect(inboxd.socket)) is PermissionError
        words = ["--socket", str(inboxd.socket), "contact", "add", "Ann", "ann@example.org"]
        inboxctl(inboxd.socket, "status")
        CliRunner().invoke(main, ["--socket", str(inboxd.socket), "contact", "list"])
        code = as_other_user(lambda: CliRunner().invoke(main, words).exit_code, group=GROUP)
        assert code == 0
        assert any(f"uid {NOBODY}" in str(line) for line in inboxd.lines())
        inboxd.stop()
