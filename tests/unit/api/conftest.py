"""The API in front of a fake desk: inside the process, and on a real Unix socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2
import pytest
from fastapi import FastAPI

from inboxd.api import server
from inboxd.api.app import create_app
from inboxd.api.server import bind, serve
from unit.api.fake_desk import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    """A desk with one account."""
    desk = FakeDesk()
    desk.have_account()
    return desk


@pytest.fixture
def stopping() -> anyio.Event:
    """The daemon's end."""
    return anyio.Event()


@pytest.fixture
def app(desk: FakeDesk, stopping: anyio.Event) -> FastAPI:
    """The API in front of the desk."""
    return create_app(desk, stopping=stopping)


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Ask the API without a socket."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inboxd") as client:
        yield client


@dataclass
class Served:
    """An API on a socket."""

    path: Path
    stopping: anyio.Event
    ended: anyio.Event
    """Serving is over."""

    def client(self) -> httpx2.AsyncClient:
        """Ask it over the socket."""
        transport = httpx2.AsyncHTTPTransport(uds=str(self.path))
        return httpx2.AsyncClient(transport=transport, base_url="http://inboxd", timeout=5)


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off what is open soon after the end; must come before `served`."""
    monkeypatch.setattr(server, "GRACE_SECONDS", 0.1)


@pytest.fixture
async def served(app: FastAPI, stopping: anyio.Event, tmp_path: Path) -> AsyncIterator[Served]:
    """Serve the API for the length of a test."""
    path = tmp_path / "control.sock"
    sock = bind(path, 0o660)
    served = Served(path, stopping, anyio.Event())

    async def run(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        await serve(app, sock, stopping, task_status=task_status)
        served.ended.set()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(run)
            yield served
            stopping.set()
            await served.ended.wait()
