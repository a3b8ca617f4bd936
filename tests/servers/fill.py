"""An independent writer: mail into folders by the thousand, over a bare socket."""

from __future__ import annotations

import imaplib
import socket
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from servers.names import to_wire

CHUNK = 200
"""Messages of one MULTIAPPEND."""


class Writer:
    """One logged-in connection that changes a mailbox."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.imap = imaplib.IMAP4("127.0.0.1", port, timeout=60)
        # imaplib writes a message in two pieces; Nagle would hold the second back for 40 ms.
        self.imap.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.imap.login(user, password)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.imap.logout()

    def create(self, folder: str) -> None:
        """Make a folder."""
        self._ok(self.imap.create(_quoted(folder)))

    def rename(self, folder: str, new: str) -> None:
        """Rename one."""
        self._ok(self.imap.rename(_quoted(folder), _quoted(new)))

    def drop(self, folder: str) -> None:
        """Delete one."""
        self._ok(self.imap.delete(_quoted(folder)))

    def deliver(self, folder: str, mail: bytes, at: datetime | None = None) -> int:
        """Append one message; its UID."""
        moment = None if at is None else imaplib.Time2Internaldate(at)
        _, answer = self._ok(self.imap.append(_quoted(folder), "", moment or "", mail))
        assert answer[0] is not None
        return int(answer[0].split(b"APPENDUID ")[1].split()[1].rstrip(b"]"))

    def fill(self, folder: str, mails: Iterable[bytes], at: datetime | None = None) -> int:
        """Append many at once (MULTIAPPEND, LITERAL+); how many there were."""
        moment = b"" if at is None else imaplib.Time2Internaldate(at).encode() + b" "
        rest = iter(mails)
        count = 0
        while chunk := list(islice(rest, CHUNK)):
            parts = [b"F1 APPEND " + _quoted(folder).encode()]
            for mail in chunk:
                parts.append(b" " + moment + b"{%d+}\r\n" % len(mail))
                parts.append(mail)
            parts.append(b"\r\n")
            self.imap.send(b"".join(parts))
            line = self.imap.readline()
            while line.startswith(b"* "):
                line = self.imap.readline()
            if not line.startswith(b"F1 OK"):
                raise RuntimeError(line.decode())
            count += len(chunk)
        return count

    def expunge(self, folder: str, uid: int) -> None:
        """Delete one message for good."""
        self._ok(self.imap.select(_quoted(folder)))
        self._ok(self.imap.uid("STORE", str(uid), "+FLAGS", "(\\Deleted)"))
        self._ok(self.imap.uid("EXPUNGE", str(uid)))

    def move(self, folder: str, uid: int, target: str) -> None:
        """Move one message."""
        self._ok(self.imap.select(_quoted(folder)))
        self._ok(self.imap.uid("MOVE", str(uid), _quoted(target)))

    @staticmethod
    def _ok(answer: tuple[str, Sequence[bytes | None]]) -> tuple[str, Sequence[bytes | None]]:
        if answer[0] != "OK":
            raise RuntimeError(str(answer))
        return answer


def _quoted(folder: str) -> str:
    escaped = to_wire(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
