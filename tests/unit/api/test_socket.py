"""The socket: its mode, its peers, garbage on it, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from inboxd.api.server import bind, serve
from inboxd.model.errors import AlreadyRunning, BadConfig
from unit.api.conftest import Served
from unit.api.fake_desk import FakeDesk


async def test_the_caller_of_a_change_is_the_socket_s_peer(served: Served, desk: FakeDesk) -> None:
    async with served.client() as client:
        with capture_logs() as logs:
            assert (await client.post("/v1/accounts/1/pause")).status_code == 200
    assert desk.calls == [("pause", f"uid {os.getuid()}")]
    assert logs[0]["caller"] == f"uid {os.getuid()}"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"EHLO localhost\r\n\r\n",
        b"GET /v1/status\r\n\r\n",
        b"\x16\x03\x01\xff" * 99,
    ],
)
async def test_garbage_is_answered_400_and_harms_nobody_else(
    served: Served, garbage: bytes
) -> None:
    with anyio.fail_after(5):
        async with await anyio.connect_unix(served.path) as stream:
            await stream.send(garbage)
            assert b"400" in await stream.receive()
        async with served.client() as client:
            assert (await client.get("/v1/status")).status_code == 200


async def test_serving_leaves_the_daemon_s_signal_handlers_alone(served: Served) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    served.stopping.set()
    await served.ended.wait()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_the_end_waits_for_an_answer_under_way(served: Served, desk: FakeDesk) -> None:
    gate, asked = anyio.Event(), anyio.Event()
    plain = desk.status

    async def slow() -> object:
        asked.set()
        await gate.wait()
        return await plain()

    desk.status = slow  # type: ignore[assignment,method-assign]  # this one test's slow desk
    async with served.client() as client, anyio.create_task_group() as group:

        async def ask() -> None:
            assert (await client.get("/v1/status")).status_code == 200

        group.start_soon(ask)
        await asked.wait()
        served.stopping.set()
        gate.set()
    await served.ended.wait()


@pytest.mark.usefixtures("short_grace")
async def test_the_end_does_not_wait_for_an_answer_that_never_comes(
    served: Served, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, cancelled = anyio.Event(), anyio.Event()

    async def stuck() -> None:
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    monkeypatch.setattr(desk, "status", stuck)
    async with await anyio.connect_unix(served.path) as stream:
        await stream.send(b"GET /v1/status HTTP/1.1\r\nHost: inboxd\r\n\r\n")
        await asked.wait()
        served.stopping.set()
        with anyio.fail_after(5):
            await served.ended.wait()
        assert cancelled.is_set()


async def test_a_cancelled_daemon_leaves_no_request_behind(
    app: FastAPI, desk: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, cancelled = anyio.Event(), anyio.Event()

    async def stuck() -> None:
        asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    monkeypatch.setattr(desk, "status", stuck)
    sock = bind(tmp_path / "s", 0o660)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as daemon:
            await daemon.start(serve, app, sock, anyio.Event())
            stream = await anyio.connect_unix(tmp_path / "s")
            await stream.send(b"GET /v1/status HTTP/1.1\r\nHost: inboxd\r\n\r\n")
            await asked.wait()
            daemon.cancel_scope.cancel()
        assert cancelled.is_set()
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        await stream.aclose()


def test_a_socket_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with bind(tmp_path / "wide", 0o660):
            assert stat.S_IMODE((tmp_path / "wide").stat().st_mode) == 0o660
        os.umask(0o077)
        with bind(tmp_path / "narrow", 0o660):
            assert stat.S_IMODE((tmp_path / "narrow").stat().st_mode) == 0o660
    finally:
        os.umask(before)


def test_a_socket_is_at_no_moment_wider_than_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unchanged(_path: Path, _mode: int) -> None:
        """As if somebody looked between bind and chmod."""

    monkeypatch.setattr(Path, "chmod", unchanged)
    before = os.umask(0)
    try:
        with bind(tmp_path / "s", 0o600):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_what_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    bind(tmp_path / "s", 0o660).close()
    assert (tmp_path / "s").exists()
    with bind(tmp_path / "s", 0o660) as sock:
        sock.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))


def test_a_socket_that_somebody_answers_on_is_never_taken(tmp_path: Path) -> None:
    with bind(tmp_path / "s", 0o660) as first:
        first.listen()
        with pytest.raises(AlreadyRunning, match="stop it first"):
            bind(tmp_path / "s", 0o660)
        assert (tmp_path / "s").exists()


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(BadConfig, match="is no socket"):
        bind(tmp_path / "s", 0o660)
    assert (tmp_path / "s").read_text() == "precious"


@pytest.mark.parametrize("name", ["missing/s", "x" * 120])
def test_an_impossible_path_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadConfig, match=r"control\.socket"):
        bind(tmp_path / name, 0o660)
