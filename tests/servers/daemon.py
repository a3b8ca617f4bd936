"""A whole inboxd as a process of its own, as systemd would run it, steered over its socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from inboxd.cli.client import Client, at

START_SECONDS = 20
STOP_SECONDS = 5
"""The promise to systemd: everything committed and gone."""

PATIENCE_SECONDS = 60.0


class Inboxd:
    """One daemon with its state directory; use it as a context manager."""

    def __init__(
        self,
        home: Path,
        *,
        ca_file: Path | None = None,
        options: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        module: str = "inboxd.main",
    ) -> None:
        self.home = home
        self.state = home / "state"
        self.socket = home / "inboxd.sock"
        self.log = home / "inboxd.log"
        self.config = home / "config.yaml"
        self._environment = dict(environment or {})
        self._module = module
        settings: dict[str, Any] = {
            "state_dir": str(self.state),
            "control": {"socket": str(self.socket)},
            "limits": {"logins_per_second": 1000},
            **(options or {}),
        }
        if ca_file is not None:
            settings["tls"] = {"ca_file": str(ca_file)}
        self.config.write_text(json.dumps(settings))
        self.client = Client(self.socket)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Inboxd:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self, *, wait: bool = True) -> None:
        """Start it; unless told otherwise, until it answers."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("INBOXD_")
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._module, "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env={**environment, **self._environment},
            )
        if wait:
            self.await_answer()

    def await_answer(self) -> None:
        """Wait until the daemon answers at its socket."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.01)
        self.client.get(at("status"))

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.socket)) == 0

    def forget(self, variable: str) -> None:
        """Start it without an environment variable from now on."""
        self._environment.pop(variable, None)

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; the seconds it took. Fails when it took too long or ended badly."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS + 5)
        taken = time.monotonic() - began
        assert code == 0, self.log.read_text()[-3000:]
        assert taken <= STOP_SECONDS
        return taken

    def lines(self) -> list[dict[str, Any]]:
        """The log, line by line."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    # --- what users do ---------------------------------------------------------------------------

    def add(self, user: str, port: int, security: str = "none", **more: Any) -> int:
        """Add `user`'s account; its id."""
        wish = {
            "address": f"{user}@example.org",
            "username": user,
            "password": user.replace("u", "pw", 1),
            "imap": {"host": "localhost", "port": port, "security": security},
            "no_smtp": True,
            **more,
        }
        return int(self.client.post(at("accounts"), wish)["id"])

    def choose(self, account: int, **conditions: Any) -> Any:
        """Set conditions."""
        return self.client.patch(at("accounts", account, "conditions"), conditions)

    def sync(self, account: int, **conditions: Any) -> None:
        """Choose conditions, press Sync, and wait until the account is live."""
        self.choose(account, **conditions)
        self.client.post(at("accounts", account, "sync"))
        self.await_live(account)

    def account(self, account: int) -> dict[str, Any]:
        """One account as the API shows it."""
        found: dict[str, Any] = self.client.get(at("accounts", account))
        return found

    def await_live(self, account: int) -> None:
        """Wait until its history is in and it is live."""
        self.await_account(
            account,
            lambda now: (
                now["phase"] == "live"
                and (now["history"] is None or now["history"]["finished_at"] is not None)
            ),
        )

    def await_account(
        self,
        account: int,
        fits: Callable[[dict[str, Any]], bool],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> dict[str, Any]:
        """Wait until an account is as wished."""
        deadline = time.monotonic() + patience_seconds
        while True:
            now = self.account(account)
            if fits(now):
                return now
            assert time.monotonic() < deadline, now
            time.sleep(0.01)

    def bring_in(self, account: int) -> float:
        """Press Sync; the seconds until its history is in and it is live.

        Waits on events: asking again and again would take a fifth of the daemon's time.
        """
        after = self.last_event()
        began = time.monotonic()
        self.client.post(at("accounts", account, "sync"))
        self.events(after, 1, "history.finished")
        self.await_live(account)
        return time.monotonic() - began

    def last_event(self) -> int:
        """The number of the newest event."""
        return int(self.client.get(at("status"))["last_event"])

    def events(
        self, after: int, count: int, kind: str = "message.stored", *, historical: bool = False
    ) -> list[dict[str, Any]]:
        """Follow the stream after `after` until `count` events of `kind` came."""
        found: list[dict[str, Any]] = []
        with closing(self.client.events(after, historical=historical)) as stream:
            for event in stream:
                if event["type"] == kind:
                    found.append(event)
                    if len(found) == count:
                        break
        return found

    def messages(self, account: int, **query: Any) -> list[dict[str, Any]]:
        """Every stored message of an account."""
        asked = {"account": account, "limit": 200, **query}
        return list(self.client.items(at("messages"), asked))


@contextmanager
def notify_socket(path: Path) -> Iterator[Callable[[], str]]:
    """systemd's end of sd_notify(3): gives a function that waits for the next message."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(START_SECONDS)
        yield lambda: sock.recv(4096).decode()


def inboxctl(
    socket_path: Path, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    program = Path(sys.executable).with_name("inboxctl")
    command: Sequence[str] = [str(program), "--socket", str(socket_path)]
    return subprocess.run(
        [*command, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
