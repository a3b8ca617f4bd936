"""The Unix socket of the API, and uvicorn serving it inside our own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import anyio
import uvicorn
from anyio.abc import TaskStatus
from fastapi import FastAPI

from inboxd.api.peer import PeerProtocol
from inboxd.model.errors import AlreadyRunning, BadConfig

GRACE_SECONDS = 2
"""How long open requests may take to end once the daemon stops, which has 5 s for everything."""

PROBE_SECONDS = 1.0
"""A daemon that answers at all accepts at once; a full backlog means that there is one."""


def bind(path: Path, mode: int) -> socket.socket:
    """Bind a Unix socket at `path` that has no wider mode than `mode` at any moment.

    A socket file that nobody answers on is what a killed daemon left, and is replaced.
    Raises AlreadyRunning where somebody answers, BadConfig where there can be no socket.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_way(path)
        # Linux gives a socket file the mode of the socket less the umask. A chmod after bind
        # alone would leave it wider in between, and a umask changed for it is every thread's.
        os.fchmod(sock.fileno(), mode)
        sock.bind(str(path))
        path.chmod(mode)
    except OSError as error:
        sock.close()
        raise BadConfig(
            f"No socket can be made at {path} ({error.strerror or error}): set control.socket to "
            "a path of fewer than 108 bytes, in a directory that inboxd may write to."
        ) from error
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _make_way(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise BadConfig(f"{path} is no socket: remove it, or set control.socket to another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except TimeoutError:
            pass
    raise AlreadyRunning(
        f"Another daemon answers at {path}: stop it first, or set control.socket to another path."
    )


async def serve(
    app: FastAPI,
    sock: socket.socket,
    stopping: anyio.Event,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` on `sock`, which it owns from now on, until `stopping` is set.

    Started once connections are accepted. Then open requests have `GRACE_SECONDS` to end;
    whatever is left is cut off. The caller removes the socket file.
    """
    server = _Server(_config(app), stopping, task_status)
    try:
        await server.serve(sockets=[sock])
    finally:
        with anyio.CancelScope(shield=True):
            await server.cut_off()
        sock.close()


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """uvicorn as a guest: no signal handlers, no clock, an end that leaves nothing behind."""

    def __init__(
        self, config: uvicorn.Config, stopping: anyio.Event, task_status: TaskStatus[None]
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._task_status = task_status

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon: uvicorn would replace its handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the starter when connections are accepted."""
        await super().startup(sockets)
        self._task_status.started()

    async def main_loop(self) -> None:
        """Wait for the end itself: uvicorn would look ten times a second whether it has come."""
        await self._stopping.wait()
        self.should_exit = True

    async def cut_off(self) -> None:
        """End what outlived its grace, or what a cancelled daemon left, and wait until it has."""
        for listener in getattr(self, "servers", []):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
