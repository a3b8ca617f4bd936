"""What inboxd is measured against, in the same run: a bare socket, and mbsync."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from servers.dovecot import Dovecot


class RawReader:
    """A bare TLS socket that asks for the same and throws it away."""

    def __init__(self, server: Dovecot, user: str) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        plain = socket.create_connection(("localhost", server.tls_port))
        self._sock = context.wrap_socket(plain, server_hostname="localhost")
        self._sock.recv(4096)
        self._run(f"LOGIN {user} {user.replace('u', 'pw', 1)}")
        self._run("EXAMINE INBOX")

    def fetch(self, commands: Iterable[str]) -> tuple[float, int]:
        """Seconds and bytes of some commands."""
        began = time.monotonic()
        size = sum(self._run(command) for command in commands)
        return time.monotonic() - began, size

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _run(self, command: str) -> int:
        self._sock.sendall(f"R1 {command}\r\n".encode())
        size, tail = 0, b""
        while True:
            data = self._sock.recv(262_144)
            if not data:
                raise RuntimeError("the server hung up")
            size += len(data)
            tail = (tail + data)[-4_096:]
            last = (b"\r\n" + tail if size == len(tail) else tail).rpartition(b"\r\nR1 OK")
            if last[1] and tail.endswith(b"\r\n"):
                return size


def mbsync(server: Dovecot, user: str, home: Path) -> float | None:
    """The seconds that mbsync takes to pull the INBOX as it ships; None where it is missing."""
    program = shutil.which("mbsync")
    if program is None:
        return None
    maildir = home / "mbsync"
    maildir.mkdir()
    config = home / "mbsyncrc"
    config.write_text(
        f"""
IMAPAccount a
Host localhost
Port {server.tls_port}
User {user}
Pass {user.replace("u", "pw", 1)}
SSLType IMAPS
CertificateFile {server.ca_file}

IMAPStore far
Account a

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull
SyncState *
"""
    )
    began = time.monotonic()
    subprocess.run([program, "-q", "-c", str(config), "c"], check=True, capture_output=True)
    seconds = time.monotonic() - began
    shutil.rmtree(maildir)
    return seconds
