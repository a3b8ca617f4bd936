"""Messages of the open folder: searched, described and fetched, without changing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from inboxd.imap import gmail
from inboxd.imap.connection import Connection
from inboxd.imap.gmail import item_labels
from inboxd.imap.responses import (
    Value,
    fetch_items,
    item_body,
    item_date,
    item_modseq,
    item_number,
    item_uid,
    parse_esearch,
    parse_search,
)
from inboxd.model.ids import ModSeq, Uid
from inboxd.model.server import (
    Fetched,
    FetchedHeader,
    Labelled,
    Metadata,
    UidSet,
)

MAX_SET_CHARACTERS = 7_500
"""Dovecot and others refuse lines beyond 8 kB (RFC 7162 4 allows them to); this leaves room for
the rest of the command."""

PIECE_BYTES = 1024 * 1024
"""How much of a large message is fetched at once: bounded memory, and a deadline per piece."""

SMALL_BYTES = 64 * 1024
"""How much of each new message comes along with its metadata: nine of ten are smaller."""

_METADATA = "UID RFC822.SIZE INTERNALDATE"


class MessageCommands:
    """The commands that ask about messages; `ImapClient` adds those about folders and news."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._protocol = connection.protocol

    def _can(self, capability: str) -> bool:
        return capability in self._protocol.capabilities

    @property
    def can_esearch(self) -> bool:
        """RFC 4731."""
        return self._can("ESEARCH")

    @property
    def has_labels(self) -> bool:
        """Whether messages carry labels (Gmail)."""
        return self._can(gmail.EXTENSION)

    def _with(self, *more: str) -> str:
        """The items of a FETCH: metadata, labels where there are any, and `more`."""
        items = [_METADATA, *([gmail.ITEM] if self.has_labels else ()), *more]
        return f"({' '.join(items)})"

    async def search_uids(self, within: UidSet | None = None) -> UidSet:
        """The UIDs that the selected folder lists, of all or of `within`."""
        asked = "ALL" if within is None else f"UID {within}"
        if len(asked) > MAX_SET_CHARACTERS:
            asked = "ALL"
        found = await self._esearch(asked) if self.can_esearch else None
        if found is None:
            answer = await self._connection.run("SEARCH", asked, prefix="UID")
            found = UidSet()
            for response in answer.responses:
                found = found | (parse_search(response) or UidSet())
        return found if within is None else found & within

    async def search_header(self, field: str, text: str) -> UidSet:
        """The UIDs whose header field contains `text`; nothing for text that is not ASCII.

        A quoted string takes ASCII only (RFC 3501 9), and what is looked for so, an address or a
        Message-ID, is ASCII.
        """
        if not text or not text.isascii() or not text.isprintable():
            return UidSet()
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        answer = await self._connection.run("SEARCH", "HEADER", field, quoted, prefix="UID")
        found = UidSet()
        for response in answer.responses:
            found = found | (parse_search(response) or UidSet())
        return found

    async def _esearch(self, asked: str) -> UidSet | None:
        """ESEARCH; None where its answer lists nothing.

        No ALL means that nothing was found (RFC 4731 3.1), but iCloud ignores RETURN and never
        sends it (2019, horde#17): a plain SEARCH then decides.
        """
        answer = await self._connection.run("SEARCH", "RETURN", "(ALL)", asked, prefix="UID")
        found: UidSet | None = None
        for response in answer.responses:
            part = parse_esearch(response) or parse_search(response)
            if part:
                found = part if found is None else found | part
        return found

    async def fetch_metadata(self, uids: UidSet) -> list[Metadata]:
        """Size and INTERNALDATE; a UID that is gone or not described is absent."""
        found: dict[Uid, Metadata] = {}
        for chunk in _chunks(uids):
            async for uid, items in self._fetch(str(chunk), self._with()):
                one = _metadata(uid, items)
                if one is not None and uid in chunk:
                    found.setdefault(uid, one)
        return list(found.values())

    async def fetch_metadata_from(self, first: Uid) -> list[Metadata]:
        """As `fetch_metadata`, of `first` and every later UID."""
        found: dict[Uid, Metadata] = {}
        async for uid, items in self._fetch(f"{first}:*", self._with()):
            one = _metadata(uid, items)
            # `999:*` gives the last message when 999 is beyond the end (RFC 3501 9 seq-range).
            if one is not None and uid >= first:
                found.setdefault(uid, one)
        return list(found.values())

    async def fetch_new(self, first: Uid) -> tuple[list[Metadata], dict[Uid, Fetched]]:
        """As `fetch_metadata_from`, with the bodies of those smaller than SMALL_BYTES.

        One way to the server instead of two, for the few messages that IDLE tells of: what the
        answer holds at most grows with their number.
        """
        what = self._with(f"BODY.PEEK[]<0.{SMALL_BYTES}>")
        found: dict[Uid, Metadata] = {}
        whole: dict[Uid, Fetched] = {}
        async for uid, items in self._fetch(f"{first}:*", what):
            one, raw = _metadata(uid, items), item_body(items, b"BODY[]")
            if one is None or uid < first or uid in found:
                continue
            found[uid] = one
            if raw is not None and len(raw) < SMALL_BYTES:
                whole[uid] = Fetched(uid, one.size, one.internal_date, raw, one.labels)
        return list(found.values()), whole

    async def fetch_headers(self, uids: UidSet, fields: Sequence[str]) -> list[FetchedHeader]:
        """The named header fields, raw, without setting the Seen flag."""
        what = f"(UID BODY.PEEK[HEADER.FIELDS ({' '.join(fields)})])"
        found: dict[Uid, FetchedHeader] = {}
        for chunk in _chunks(uids):
            async for uid, items in self._fetch(str(chunk), what):
                header = item_body(items, b"BODY[HEADER.FIELDS")
                if header is not None and uid in chunk:
                    found.setdefault(uid, FetchedHeader(uid, header))
        return list(found.values())

    async def fetch_bodies(self, uids: UidSet) -> list[Fetched]:
        """Whole messages as the server has them; a UID without a body in the answer is absent."""
        found: dict[Uid, Fetched] = {}
        for chunk in _chunks(uids):
            async for uid, items in self._fetch(str(chunk), self._with("BODY.PEEK[]")):
                raw = item_body(items, b"BODY[]")
                if raw is not None and uid in chunk:
                    one = _metadata(uid, items) or Metadata(uid, len(raw), item_date(items))
                    found.setdefault(
                        uid, Fetched(uid, one.size, one.internal_date, raw, one.labels)
                    )
        return list(found.values())

    async def fetch_large(self, metadata: Metadata, *, limit: int) -> Fetched | None:
        """One message in pieces; None when it is gone, or larger than `limit` bytes after all."""
        raw = bytearray()
        while len(raw) <= limit:
            piece = await self._piece(metadata.uid, len(raw))
            if piece is None:
                return None
            raw += piece
            # The announced size is not believed (Exchange rounds it): a short piece is the end.
            if len(piece) < PIECE_BYTES or len(piece) > PIECE_BYTES:
                return Fetched(
                    metadata.uid,
                    metadata.size,
                    metadata.internal_date,
                    bytes(raw),
                    metadata.labels,
                )
        return None

    async def _piece(self, uid: Uid, offset: int) -> bytes | None:
        what = f"(UID BODY.PEEK[]<{offset}.{PIECE_BYTES}>)"
        piece: bytes | None = None
        async for found, items in self._fetch(str(uid), what):
            if found == uid and piece is None:
                piece = item_body(items, b"BODY[]")
        return piece

    async def fetch_labels(self, since: ModSeq | None) -> list[Labelled]:
        """The labels of all messages, or of those that changed since then (RFC 7162 3.1.4.1)."""
        what = f"(UID {gmail.ITEM})"
        if since is not None:
            what += f" (CHANGEDSINCE {since})"
        found: dict[Uid, Labelled] = {}
        async for uid, items in self._fetch("1:*", what):
            if gmail.ITEM.encode() in items:
                found.setdefault(uid, Labelled(uid, gmail.item_labels(items), item_modseq(items)))
        return list(found.values())

    async def _fetch(self, uids: str, what: str) -> AsyncIterator[tuple[Uid, dict[bytes, Value]]]:
        answer = await self._connection.run("FETCH", uids, what, prefix="UID")
        for response in answer.responses:
            items = fetch_items(response)
            uid = None if items is None else item_uid(items)
            if items is not None and uid is not None:
                yield uid, items


def _metadata(uid: Uid, items: dict[bytes, Value]) -> Metadata | None:
    size = item_number(items, b"RFC822.SIZE")
    return None if size is None else Metadata(uid, size, item_date(items), item_labels(items))


def _chunks(uids: UidSet) -> Iterator[UidSet]:
    """The set in parts whose command lines servers accept."""
    part: list[tuple[int, int]] = []
    length = 0
    for first, last in uids.intervals:
        needed = len(f"{first}:{last},")
        if length + needed > MAX_SET_CHARACTERS:
            yield UidSet(part)
            part, length = [], 0
        part.append((first, last))
        length += needed
    if part:
        yield UidSet(part)
