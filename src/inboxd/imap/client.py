"""An IMAP server's mailbox, typed: what the rest of the house sees of IMAP.

It only reads: folders are opened with EXAMINE and bodies fetched with BODY.PEEK[], so nothing on
the server changes by being synced.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from inboxd.imap.changes import Changes
from inboxd.imap.connection import Answer, Connection, Deadlines
from inboxd.imap.fetching import MessageCommands
from inboxd.imap.folders import quote
from inboxd.imap.hints import Hints as RawHints
from inboxd.imap.login import log_in
from inboxd.imap.refusals import greeting_refused
from inboxd.imap.responses import (
    PartialStatus,
    parse_folder_status,
    parse_list,
    parse_status,
)
from inboxd.imap.stream import not_imap, open_stream, tls_context
from inboxd.model.answers import shown
from inboxd.model.errors import CommandRefused
from inboxd.model.ids import ModSeq, Uid, UidValidity, WireName
from inboxd.model.server import (
    Credentials,
    Endpoint,
    FolderStatus,
    ListedFolder,
    SpecialUse,
)

__all__ = ["Deadlines", "Hints", "ImapClient", "connect", "tls_context"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What the server said without being asked, since it was last taken."""

    arrived: bool
    """The selected folder may hold new messages."""
    arrivals: int
    """By how many messages the selected folder grew; a size to plan with, no more."""
    expunged: bool
    """Messages of the selected folder are gone."""
    flags: bool
    folders: tuple[tuple[WireName, FolderStatus | None], ...]
    """Other folders with their status now; None where too little is known of it."""
    list_changed: bool
    """A folder was made, renamed or deleted."""
    received_at: float | None
    """When the first of them came in, in seconds of the monotonic clock."""

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return self.received_at is not None


@asynccontextmanager
async def connect(
    endpoint: Endpoint,
    credentials: Credentials,
    *,
    tls: ssl.SSLContext,
    deadlines: Deadlines | None = None,
    compress: bool = False,
) -> AsyncIterator[ImapClient]:
    """Connect, log in, and log out again at the end; what goes wrong is raised plainly.

    `compress` asks for DEFLATE where the server has it and is not this machine: it costs 256 kB
    and gains nothing where the network is not the limit.

    Raises what `open_stream` and `log_in` raise; later everything that is `ServerTrouble`.
    """
    deadlines = deadlines or Deadlines()
    opened = await open_stream(endpoint, tls, deadline_seconds=deadlines.connect)
    connection = Connection(endpoint, opened.stream, deadlines, greeted=opened.greeted)
    try:
        await _begin(connection, endpoint, credentials)
        if compress and not endpoint.is_this_machine:
            await _compress(connection)
        yield ImapClient(connection)
        await connection.farewell()
    finally:
        await connection.close()


async def _begin(connection: Connection, endpoint: Endpoint, credentials: Credentials) -> None:
    greeting = await connection.greet()
    if greeting is not None and greeting.result == "NONSENSE":
        raise not_imap(endpoint, greeting.text)
    if greeting is not None and greeting.result not in ("OK", "PREAUTH"):
        raise greeting_refused(connection.where, greeting)
    if greeting is not None and greeting.result == "PREAUTH":
        await connection.run("CAPABILITY")
    else:
        await log_in(connection, credentials)
    if "ID" in connection.protocol.capabilities:
        # 163.com refuses to open folders to a client without a name (2020, Delta Chat).
        await connection.ask("ID", '("name" "inboxd")')


async def _compress(connection: Connection) -> None:
    if "COMPRESS=DEFLATE" in connection.protocol.capabilities:
        await connection.ask("COMPRESS", "DEFLATE")


class ImapClient(MessageCommands):
    """One logged-in connection; owned by one task, which gives one command at a time.

    Every method raises CommandRefused for a NO or BAD that is no throttling, Throttled,
    ConnectionLost, ServerSilent or ProtocolViolated; after the last three it is over.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._selected: WireName | None = None
        self._statuses: dict[WireName, FolderStatus] = {}
        self._listed: dict[bytes, WireName] = {}
        """Every listed folder by its wire name and by its name in plain UTF-8."""
        self._idle_refused = False

    # --- what it is ------------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[str]:
        """As told after the login, upper case."""
        return self._protocol.capabilities

    @property
    def server_word(self) -> str:
        """The server's last words for people; empty where it had none."""
        return shown(self._protocol.server_word)

    @property
    def selected(self) -> WireName | None:
        """The folder that is open."""
        return self._selected

    @property
    def can_idle(self) -> bool:
        """RFC 2177, and not refused before."""
        return self._can("IDLE") and not self._idle_refused

    @property
    def can_notify(self) -> bool:
        """RFC 5465."""
        return self._can("NOTIFY")

    @property
    def can_list_status(self) -> bool:
        """RFC 5819."""
        return self._can("LIST-STATUS")

    @property
    def can_condstore(self) -> bool:
        """RFC 7162, by itself or as part of QRESYNC."""
        return self._can("CONDSTORE") or self._can("QRESYNC")

    @property
    def changes(self) -> Changes:
        """Commands that change the mailbox; the folder that was open has to be opened again."""
        self._selected = None
        return Changes(self._connection)

    # --- folders ---------------------------------------------------------------------------------

    async def list_folders(self, *, status: bool = False) -> list[ListedFolder]:
        """All folders; with `status` each selectable one with its own.

        Without LIST-STATUS the selected folder comes without (RFC 3501 6.3.10 forbids to ask),
        and so does one that was deleted meanwhile.
        """
        together = status and self.can_list_status
        listed: dict[WireName, ListedFolder] = {}
        for response in (await self._list(together=together)).responses:
            if response.head[:4].upper() == b"LIST":
                one = parse_list(response)
                if one is not None:
                    listed[one.wire_name] = one
            else:
                self._remember(parse_folder_status(response))
        if status and not together:
            for one in listed.values():
                if one.selectable and one.wire_name != self._selected:
                    await self._status_or_none(one.wire_name)
        self._listed = {one.name.encode(): one.wire_name for one in listed.values()}
        self._listed |= {bytes(name): name for name in listed}
        fresh = self._statuses if status else {}
        self._statuses = {name: one for name, one in self._statuses.items() if name in listed}
        return [
            replace(
                one,
                status=fresh.get(one.wire_name) if one.selectable else None,
                labelled=one.special_use is SpecialUse.ALL and one.selectable and self.has_labels,
            )
            for one in listed.values()
        ]

    async def _list(self, *, together: bool) -> Answer:
        if together:
            self._statuses.clear()
        wanted = ["SPECIAL-USE"] if self._can("SPECIAL-USE") and self._can("LIST-EXTENDED") else []
        if together:
            wanted.append(f"STATUS ({self._status_items()})")
        if not wanted:
            return await self._connection.run("LIST", '""', "*")
        return await self._connection.run("LIST", '""', '"*"', "RETURN", f"({' '.join(wanted)})")

    async def _status_or_none(self, wire_name: WireName) -> None:
        self._statuses.pop(wire_name, None)
        try:
            await self.status(wire_name)
        except CommandRefused:
            return

    async def status(self, wire_name: WireName) -> FolderStatus | None:
        """STATUS of a folder that is not selected; None where the answer cannot be read."""
        answer = await self._connection.run(
            "STATUS", quote(wire_name), f"({self._status_items()})"
        )
        found: FolderStatus | None = None
        for response in answer.responses:
            partial = parse_folder_status(response)
            if partial is None:
                continue
            if partial.wire_name == wire_name:
                found = self._remember(partial)
            else:
                self._protocol.hint_folder(partial)
        return found

    def _status_items(self) -> str:
        items = "MESSAGES UIDNEXT UIDVALIDITY"
        return items + " HIGHESTMODSEQ" if self.can_condstore else items

    def _remember(self, partial: PartialStatus | None) -> FolderStatus | None:
        """Complete what came with what was known: NOTIFY tells changes only (RFC 5465 5)."""
        if partial is None:
            return None
        status = partial.over(self._statuses.get(partial.wire_name))
        if status is not None:
            self._statuses[partial.wire_name] = status
        return status

    async def examine(self, wire_name: WireName) -> FolderStatus:
        """Open a folder read-only; what came for the one before it is forgotten.

        UIDNEXT is found by other ways where the server does not tell it (Courier).
        """
        self._selected = None
        answer = await self._connection.run("EXAMINE", quote(wire_name))
        hints = self._protocol.hints
        hints.arrived = hints.expunged = False
        hints.arrivals = 0
        self._selected = wire_name
        numbers = _opened(answer)
        uidnext = numbers.get("UIDNEXT") or await self._uidnext(wire_name, numbers["EXISTS"])
        modseq = numbers.get("HIGHESTMODSEQ")
        status = FolderStatus(
            uidvalidity=UidValidity(numbers.get("UIDVALIDITY", 0)),
            uidnext=Uid(uidnext),
            messages=numbers["EXISTS"],
            highestmodseq=None if modseq is None else ModSeq(modseq),
        )
        self._statuses[wire_name] = status
        return status

    async def _uidnext(self, wire_name: WireName, messages: int) -> int:
        """RFC 3501 lets SELECT leave it out; one past the highest UID is the safe answer."""
        answer = await self._connection.run("STATUS", quote(wire_name), "(UIDNEXT)")
        for response in answer.responses:
            partial = parse_folder_status(response)
            if partial is not None and partial.numbers.get("UIDNEXT"):
                return partial.numbers["UIDNEXT"]
        if messages == 0:
            return 1
        last = [uid async for uid, _ in self._fetch("*", "(UID)")]
        return max(last, default=0) + 1

    # --- being told ------------------------------------------------------------------------------

    @property
    def has_hints(self) -> bool:
        """Whether the server said anything since hints were last taken."""
        return self._protocol.hints.any

    def take_hints(self) -> Hints:
        """What the server said without being asked; each is given once."""
        raw, self._protocol.hints = self._protocol.hints, RawHints()
        folders: dict[WireName, FolderStatus | None] = {}
        known = 0
        for one in raw.folders:
            # Dovecot 2.3.19 tells of a folder by its name in plain UTF-8 here, not by that on the
            # wire (measured).
            wire_name = self._listed.get(one.wire_name)
            if wire_name is not None:
                known += 1
                folders[wire_name] = self._remember(replace(one, wire_name=wire_name))
        return Hints(
            arrived=raw.arrived,
            arrivals=raw.arrivals,
            expunged=raw.expunged,
            flags=raw.flags,
            folders=tuple(folders.items()),
            # A status of a folder that was never listed: it is new.
            list_changed=raw.list_changed or len(raw.folders) > known,
            received_at=raw.received_at,
        )

    async def notify(self) -> None:
        """Be told of the other folders too (RFC 5465); their present state comes as hints."""
        await self._connection.run(
            "NOTIFY",
            "SET",
            "STATUS",
            "(selected (MessageNew MessageExpunge))",
            "(personal (MessageNew MessageExpunge MailboxName))",
        )

    def wake(self) -> None:
        """End the IDLE under way, or the next one as soon as it has begun."""
        self._connection.wake()

    async def idle(self, *, silence_seconds: float, cap_seconds: float) -> None:
        """Wait for news of the selected folder, for `wake`, or for time to pass (RFC 2177).

        A server that refuses is not asked again: `can_idle` turns false.
        """
        welcome = await self._connection.idle(
            silence_seconds=silence_seconds, cap_seconds=cap_seconds
        )
        self._idle_refused = not welcome

    async def noop(self) -> None:
        """Give the server an occasion to tell what is new."""
        await self._connection.run("NOOP")


def _opened(answer: Answer) -> dict[str, int]:
    """The numbers in the answer to EXAMINE (RFC 3501 7.1, RFC 7162 3.1)."""
    numbers = {"EXISTS": 0}
    for response in answer.responses:
        status = parse_status(response.head)
        if status is None:
            number, _, word = response.head.partition(b" ")
            if number.isdigit() and word.strip().upper() == b"EXISTS":
                numbers["EXISTS"] = int(number)
        elif status.code is not None and status.arguments.isdigit():
            numbers[status.code] = int(status.arguments)
    return numbers
