"""A second real server: pymap, in memory, which has what Dovecot lacks (OBJECTID)."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

START_SECONDS = 20
STOP_SECONDS = 5


class Pymap:
    """One running server with one user and, at will, demonstration mail; a context manager."""

    def __init__(
        self, login: tuple[str, str] = ("demouser", "demopass"), *, demo_data: bool = True
    ) -> None:
        self.user, self.password = login
        self.port = _free_port()
        self._demo_data = ["--demo-data"] if demo_data else []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Pymap:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it greets."""
        program = str(Path(sys.executable).with_name("pymap"))
        self._process = subprocess.Popen(
            [
                program, "--host", "127.0.0.1", "--port", str(self.port), "--no-tls",
                "dict", *self._demo_data, "--demo-user", self.user,
                "--demo-password", self.password,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not _greets(self.port):
            code = self._process.poll()
            if code is not None:
                raise RuntimeError(f"pymap ended with {code}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("pymap does not answer")

    def stop(self) -> None:
        """End it; its mail goes with it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            return sock.recv(4) == b"* OK"
    except OSError:
        time.sleep(0.02)
        return False
