"""The independent reader: what a mailbox holds, by the standard library's imaplib alone."""

from __future__ import annotations

import hashlib
import imaplib
import re
from collections.abc import Collection
from typing import NamedTuple

from servers.names import from_wire, to_wire

BATCH = 200


class Spot(NamedTuple):
    """Where a message lies."""

    folder: str
    uidvalidity: int
    uid: int


class Oracle:
    """One connection that only looks."""

    def __init__(self, port: int, user: str, password: str) -> None:
        # A plain SEARCH answers with one line however many messages there are.
        imaplib._MAXLINE = 50_000_000  # type: ignore[attr-defined]
        self._imap = imaplib.IMAP4("127.0.0.1", port, timeout=120)
        self._imap.login(user, password)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self._imap.logout()

    def folders(self) -> list[str]:
        """Every selectable folder."""
        names = []
        # A name comes as a literal when its quoting would be long: imaplib then makes a pair of
        # it, and a line for what follows the literal, which is empty.
        for line in filter(None, self._imap.list()[1]):
            answer, literal = line if isinstance(line, tuple) else (line, None)
            match = re.fullmatch(rb'\(([^)]*)\) (?:"."|NIL) (.*)', answer)
            assert match is not None, line
            if b"\\Noselect" not in match[1]:
                name = _unquoted(match[2].decode("ascii")) if literal is None else literal.decode()
                names.append(from_wire(name))
        return names

    def read(self, folders: Collection[str] | None = None) -> dict[Spot, str]:
        """Each message's place with the sha256 (hex) of its BODY[]."""
        found: dict[Spot, str] = {}
        for folder in self.folders() if folders is None else folders:
            uidvalidity, uids = self._open(folder)
            for start in range(0, len(uids), BATCH):
                asked = ",".join(uids[start : start + BATCH])
                answer = self._imap.uid("FETCH", asked, "(UID BODY.PEEK[])")[1]
                for part in answer:
                    if isinstance(part, tuple):
                        uid = re.search(rb"UID (\d+)", part[0])
                        assert uid is not None
                        digest = hashlib.sha256(part[1]).hexdigest()
                        found[Spot(folder, uidvalidity, int(uid[1]))] = digest
        return found

    def flags(self, folders: Collection[str] | None = None) -> dict[Spot, frozenset[str]]:
        """Each message's flags; \\Recent belongs to the session and is left out."""
        found: dict[Spot, frozenset[str]] = {}
        for folder in self.folders() if folders is None else folders:
            uidvalidity, uids = self._open(folder)
            if not uids:
                continue
            for line in self._imap.uid("FETCH", "1:*", "(UID FLAGS)")[1]:
                # The order of the items is the server's to choose.
                uid, held = re.search(rb"UID (\d+)", line), re.search(rb"FLAGS \(([^)]*)\)", line)
                assert uid is not None
                assert held is not None
                flags = frozenset(held[1].decode().split()) - {"\\Recent"}
                found[Spot(folder, uidvalidity, int(uid[1]))] = flags
        return found

    def folders_with(self, message_id: str) -> set[str]:
        """The folders in which a message with that Message-ID lies."""
        found = set()
        for folder in self.folders():
            self._open(folder)
            answer = self._imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')[1]
            if answer[0]:
                found.add(folder)
        return found

    def _open(self, folder: str) -> tuple[int, list[str]]:
        wire = to_wire(folder).replace("\\", "\\\\").replace('"', '\\"')
        result, _ = self._imap.select(f'"{wire}"', readonly=True)
        assert result == "OK", folder
        uidvalidity = int(self._imap.response("UIDVALIDITY")[1][0])
        return uidvalidity, self._imap.uid("SEARCH", "ALL")[1][0].decode().split()


def _unquoted(name: str) -> str:
    if name.startswith('"'):
        return name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return name
