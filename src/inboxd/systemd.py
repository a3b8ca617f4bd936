"""Telling the service manager how we are: the sd_notify(3) protocol, one datagram per message.

Without $NOTIFY_SOCKET nobody listens and every message is a no-op.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """The line to the service manager, for the life of the process.

    Each message returns whether it was handed over; it never waits and never raises, since a
    service manager that is busy or gone is no reason to stop syncing mail.
    """

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self._watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Notifier:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID (sd_watchdog_enabled(3))."""
        path = environment.get("NOTIFY_SOCKET", "")
        address = None
        if path.startswith("@"):
            address = "\0" + path[1:]
        elif path.startswith("/"):
            address = path
        return cls(address, _watchdog_seconds(environment))

    def ready(self, status: str) -> bool:
        """Started, or done reloading; `status` is what `systemctl status` shows."""
        return self._send("READY=1", f"STATUS={_one_line(status)}")

    def status(self, text: str) -> bool:
        """Change the line that `systemctl status` shows."""
        return self._send(f"STATUS={_one_line(text)}")

    def reloading(self) -> bool:
        """The configuration is being read again; `ready` has to follow, whatever comes of it."""
        # systemd 253 and later take no RELOADING=1 without the moment it was sent.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        return self._send("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> bool:
        """The end has begun."""
        return self._send("STOPPING=1")

    def watchdog(self) -> bool:
        """Still alive."""
        return self._send("WATCHDOG=1")

    def watchdog_seconds(self) -> float | None:
        """Within how many seconds `watchdog` must be called again; None where nobody watches.

        Call it twice as often, as sd_watchdog_enabled(3) advises.
        """
        return self._watchdog_seconds

    def _send(self, *lines: str) -> bool:
        if self._address is None:
            return False
        # A socket per message: they are rare, and a restarted manager listens on a new one.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                return False
        return True


def _one_line(text: str) -> str:
    """Each line of a message is a field of its own: a status must not make up a second one."""
    return " ".join(text.split())


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not (microseconds.isascii() and microseconds.isdigit()) or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000
