"""The only commands that change a mailbox (P15): deleting and archiving, when a person asks."""

from __future__ import annotations

from inboxd.imap import gmail
from inboxd.imap.connection import Connection
from inboxd.imap.folders import quote
from inboxd.imap.responses import parse_search
from inboxd.model.ids import Uid, WireName
from inboxd.model.server import UidSet


class Changes:
    """Moves messages on one connection. MOVE and UIDPLUS are used where they are offered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _can(self, capability: str) -> bool:
        return capability in self._connection.protocol.capabilities

    async def select(self, wire_name: WireName) -> int:
        """Open a folder for change; gives its UIDVALIDITY, 0 where it is not told."""
        answer = await self._connection.run("SELECT", quote(wire_name))
        for response in answer.responses:
            head = response.head.upper()
            if b"[UIDVALIDITY " in head:
                digits = head.partition(b"[UIDVALIDITY ")[2].partition(b"]")[0]
                return int(digits) if digits.isdigit() else 0
        return 0

    @property
    def moves_in_one(self) -> bool:
        """Whether a move is one command that is done or not (RFC 6851)."""
        return self._can("MOVE")

    async def move(self, uid: Uid, target: WireName) -> None:
        """Move a message of the selected folder. A UID that is gone is no error (RFC 6851 3.3)."""
        await self._connection.run("MOVE", str(uid), quote(target), prefix="UID")

    async def copy(self, uid: Uid, target: WireName) -> None:
        """Copy a message of the selected folder."""
        await self._connection.run("COPY", str(uid), quote(target), prefix="UID")

    async def unlabel(self, uid: Uid, *labels: str) -> None:
        """Take labels off a message (Gmail); one that it does not carry is no error."""
        await self._connection.run(
            "STORE", str(uid), f"-{gmail.ITEM}.SILENT", gmail.spelled(labels), prefix="UID"
        )

    async def remove(self, uid: Uid) -> None:
        """Delete a message of the selected folder for good.

        Without UIDPLUS, EXPUNGE takes every message that somebody marked as deleted: it is sent
        only where that is no other. Else the mark stays, as it does in any other mail program.
        """
        await self._connection.run("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)", prefix="UID")
        if self._can("UIDPLUS"):
            await self._connection.run("EXPUNGE", str(uid), prefix="UID")
            return
        answer = await self._connection.run("SEARCH", "DELETED", prefix="UID")
        marked = UidSet()
        for response in answer.responses:
            marked = marked | (parse_search(response) or UidSet())
        if not marked - UidSet.of([uid]):
            await self._connection.run("EXPUNGE")
