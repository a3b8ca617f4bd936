"""sd_notify(3), spoken to a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inboxd.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def notifier(tmp_path: Path) -> Notifier:
    return Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "notify")})


def test_each_message_is_one_datagram(manager: socket.socket, notifier: Notifier) -> None:
    assert notifier.ready("3 accounts live")
    assert notifier.status("2 accounts live")
    assert notifier.watchdog()
    assert notifier.stopping()
    assert [manager.recv(4096) for _ in range(4)] == [
        b"READY=1\nSTATUS=3 accounts live",
        b"STATUS=2 accounts live",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


def test_reloading_says_when_in_microseconds(manager: socket.socket, notifier: Notifier) -> None:
    before = time.monotonic_ns() // 1_000
    assert notifier.reloading()
    after = time.monotonic_ns() // 1_000
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    name, _, moment = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= after


def test_a_status_cannot_make_up_a_second_field(
    manager: socket.socket, notifier: Notifier
) -> None:
    notifier.status("one\nSTOPPING=1\r\n")
    assert manager.recv(4096) == b"STATUS=one STOPPING=1"


def test_an_abstract_socket_is_reached() -> None:
    name = f"inboxd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.setblocking(False)
        assert Notifier.from_environment({"NOTIFY_SOCKET": "@" + name}).ready("up")
        assert listener.recv(4096) == b"READY=1\nSTATUS=up"


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234"])
def test_without_a_socket_nothing_happens(address: str | None) -> None:
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    notifier = Notifier.from_environment(environment)
    assert not notifier.ready("up")
    assert not notifier.watchdog()


def test_a_manager_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert not notifier.ready("up")


def test_a_manager_that_does_not_read_never_blocks(
    manager: socket.socket, notifier: Notifier
) -> None:
    sent = 0
    while notifier.watchdog():
        sent += 1
        assert sent < 100_000
    assert not notifier.status("still running")
    manager.recv(4096)


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_this_process_only(
    environment: dict[str, str], seconds: float | None
) -> None:
    assert Notifier.from_environment(environment).watchdog_seconds() == seconds
