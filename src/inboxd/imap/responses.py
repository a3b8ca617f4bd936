"""Responses of a server as values (RFC 3501 7 and 9, RFC 4731, RFC 5819). Pure.

A response is what `protocol` cuts out of the byte stream: text and literals in turn. Nothing
here looks into a literal, and nothing relies on the order of items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from inboxd.imap.folders import decode_name, special_use
from inboxd.model.errors import ProtocolViolated
from inboxd.model.ids import ModSeq, Uid, UidValidity, WireName
from inboxd.model.server import FolderStatus, ListedFolder, UidSet


@dataclass(frozen=True, slots=True)
class Response:
    """One response: texts and literals in turn, beginning and ending with a text.

    A text that a literal follows has lost its `{size}`.
    """

    parts: tuple[bytes, ...]

    @property
    def head(self) -> bytes:
        """The first text."""
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class Status:
    """A tagged result, or an untagged OK, NO, BAD, BYE or PREAUTH."""

    result: str
    code: str | None
    """The response code without brackets and arguments, upper case."""
    arguments: str
    text: str


_STATUS = re.compile(
    rb"(?i)(OK|NO|BAD|BYE|PREAUTH)(?: |$)(?:\[([^\] ]+)(?: ([^\]]*))?\] ?)?(.*)", re.DOTALL
)


def parse_status(text: bytes) -> Status | None:
    """Read `OK [CODE arguments] text`; None when it is something else."""
    match = _STATUS.fullmatch(text)
    if match is None:
        return None
    result, code, arguments, words = match.groups()
    return Status(
        result=result.decode().upper(),
        code=None if code is None else code.decode("ascii", "replace").upper(),
        arguments=(arguments or b"").decode("ascii", "replace"),
        text=words.decode("utf-8", "replace").strip(),
    )


@lru_cache(maxsize=64)
def parse_capabilities(text: bytes) -> frozenset[str]:
    """The words of a capability list, upper case.

    A thousand connections to one server share one set: theirs would be 4 kB each.
    """
    return frozenset(word.upper() for word in text.decode("ascii", "replace").split())


# --- items -----------------------------------------------------------------------------------

Value = bytes | list["Value"]

_TOKEN = re.compile(
    rb"""
    (?P<open>\() | (?P<close>\))
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<section>[A-Za-z0-9.\-]+\[[^\]]*\](?:<\d+>)?)
    | (?P<atom>[^\s()"]+)
    """,
    re.VERBOSE | re.DOTALL,
)

MAX_DEPTH = 50
"""No response that inboxd asks for nests deeper than two; a hostile one ends here."""


def _tokens(parts: tuple[bytes, ...]) -> Iterator[tuple[str, bytes]]:
    for index, part in enumerate(parts):
        if index % 2:
            yield "literal", part
            continue
        for match in _TOKEN.finditer(part):
            kind = match.lastgroup or "atom"
            value = match[kind]
            if kind == "quoted" and b"\\" in value:
                value = re.sub(rb"\\(.)", rb"\1", value, flags=re.DOTALL)
            yield kind, value


def parse_values(parts: tuple[bytes, ...]) -> list[Value]:
    """The values of a response, parentheses as lists. Raises ProtocolViolated."""
    top: list[Value] = []
    stack = [top]
    for kind, value in _tokens(parts):
        if kind == "open":
            if len(stack) > MAX_DEPTH:
                raise ProtocolViolated("The server sent a response that nests without end.")
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif kind == "close":
            if len(stack) == 1:
                raise ProtocolViolated("The server sent a parenthesis that was never opened.")
            stack.pop()
        else:
            stack[-1].append(value)
    return top


_FETCH_HEAD = re.compile(rb"\d+ FETCH ")
_SIMPLE_ITEMS = re.compile(
    rb'(UID|RFC822\.SIZE|INTERNALDATE|MODSEQ) (?:(\d+)|"([^"]*)"|\((\d+)\))', re.IGNORECASE
)


def fetch_items(response: Response) -> dict[bytes, Value] | None:
    """The items of one FETCH response by upper-case name; None when it is no FETCH.

    A second value of the same name is dropped: what was asked for comes first.
    """
    head = _FETCH_HEAD.match(response.head)
    if head is None:
        return None
    quick = _quick(response.parts, head.end())
    if quick is not None:
        return quick
    values = parse_values((response.head[head.end() :], *response.parts[1:]))
    items = values[0] if values else []
    if not isinstance(items, list):
        raise ProtocolViolated("The server sent a FETCH response without its list.")
    found: dict[bytes, Value] = {}
    for name, value in zip(items[::2], items[1::2], strict=False):
        if isinstance(name, bytes):
            found.setdefault(name.upper(), value)
    return found


_BODY_AT_END = re.compile(rb" (BODY\[[^\[\]]*\](?:<\d+>)?) $")


def _quick(parts: tuple[bytes, ...], start: int) -> dict[bytes, Value] | None:
    """The items of a line of metadata, alone or with one literal behind them."""
    if len(parts) == 1:
        return _quick_items(parts[0][start:])
    if len(parts) != 3 or parts[2] != b")":
        return None
    body = _BODY_AT_END.search(parts[0], start)
    if body is None:
        return None
    found = _quick_items(parts[0][start : body.start()] + b")")
    if found is not None:
        found[body[1].upper()] = parts[1]
    return found


def _quick_items(text: bytes) -> dict[bytes, Value] | None:
    """The items of a line of metadata only, which come by the hundred thousand."""
    found: dict[bytes, Value] = {}
    length = 0
    for match in _SIMPLE_ITEMS.finditer(text):
        name, number, quoted, listed = match.groups()
        value: Value = number if number is not None else quoted
        if listed is not None:
            value = [listed]
        found[name.upper()] = value
        length += match.end() - match.start() + 1
    # Only when the items and their separators are the whole list was nothing passed over.
    return found if length + 1 == len(text) else None


def item_uid(items: Mapping[bytes, Value]) -> Uid | None:
    """The UID item."""
    value = items.get(b"UID")
    return Uid(int(value)) if isinstance(value, bytes) and value.isdigit() else None


def item_number(items: Mapping[bytes, Value], name: bytes) -> int | None:
    """A numeric item."""
    value = items.get(name)
    return int(value) if isinstance(value, bytes) and value.isdigit() else None


def item_modseq(items: Mapping[bytes, Value]) -> ModSeq | None:
    """The MODSEQ item (RFC 7162 3.1.4.2), whose number stands in parentheses."""
    value = items.get(b"MODSEQ")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
        return ModSeq(int(value[0])) if value[0].isdigit() else None
    return None


def item_body(items: Mapping[bytes, Value], prefix: bytes) -> bytes | None:
    """The item whose name begins with `prefix` (`BODY[`); None for NIL or absence."""
    for name, value in items.items():
        if name.startswith(prefix) and isinstance(value, bytes):
            return None if len(value) == len(b"NIL") and value.upper() == b"NIL" else value
    return None


_MONTHS = {
    name: number
    for number, name in enumerate(
        (
            b"JAN",
            b"FEB",
            b"MAR",
            b"APR",
            b"MAY",
            b"JUN",
            b"JUL",
            b"AUG",
            b"SEP",
            b"OCT",
            b"NOV",
            b"DEC",
        ),
        start=1,
    )
}
_DATE = re.compile(rb" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def item_date(items: Mapping[bytes, Value]) -> datetime:
    """INTERNALDATE as aware UTC (RFC 3501 9 date-time); 1970 where the server gives nonsense.

    Nonsense must have a value too: a message is never lost for its date.
    """
    value = items.get(b"INTERNALDATE")
    match = _DATE.fullmatch(value) if isinstance(value, bytes) else None
    if match is None:
        return EPOCH
    day, month, year, hour, minute, second, sign, zone_hour, zone_minute = match.groups()
    offset = timedelta(hours=int(zone_hour), minutes=int(zone_minute))
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        # A leap second (RFC 3501 allows 60) is the second before it.
        moment = datetime(
            int(year),
            _MONTHS[month.upper()],
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=zone,
        )
        return moment.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return EPOCH


# --- folders -------------------------------------------------------------------------------------

_UNSELECTABLE = {b"\\noselect", b"\\nonexistent"}


def parse_list(response: Response) -> ListedFolder | None:
    """One line of LIST (RFC 3501 7.2.2, RFC 5258); None when it cannot be read."""
    values = parse_values(response.parts)
    if len(values) < 4 or not isinstance(values[1], list):
        return None
    _, attributes, separator, name = values[:4]
    if not isinstance(name, bytes) or not isinstance(separator, bytes):
        return None
    words = [one for one in attributes if isinstance(one, bytes)]
    flat = separator.upper() == b"NIL"
    shown = "" if flat else separator.decode("utf-8", "replace")
    # RFC 3501 5.1: INBOX in any case is one and the same folder.
    wire = WireName(b"INBOX" if name.upper() == b"INBOX" else name)
    decoded = decode_name(wire)
    return ListedFolder(
        wire_name=wire,
        name=decoded,
        separator=shown,
        special_use=special_use(words, decoded, shown),
        selectable=not any(word.lower() in _UNSELECTABLE for word in words),
    )


@dataclass(frozen=True, slots=True)
class PartialStatus:
    """A STATUS as it came: NOTIFY sends only what changed (RFC 5465 5)."""

    wire_name: WireName
    numbers: Mapping[str, int]

    def over(self, known: FolderStatus | None) -> FolderStatus | None:
        """As a whole status, with what was known before; None where that is not enough."""
        uidvalidity = self.numbers.get("UIDVALIDITY")
        if known is not None and uidvalidity not in (None, known.uidvalidity):
            known = None
        if uidvalidity is None:
            uidvalidity = None if known is None else known.uidvalidity
        messages = self.numbers.get("MESSAGES", None if known is None else known.messages)
        if uidvalidity is None or messages is None:
            return None
        uidnext = self.numbers.get("UIDNEXT") or (None if known is None else known.uidnext)
        modseq = self.numbers.get("HIGHESTMODSEQ", None if known is None else known.highestmodseq)
        return FolderStatus(
            uidvalidity=UidValidity(uidvalidity),
            uidnext=Uid(uidnext) if uidnext else None,
            messages=messages,
            highestmodseq=None if modseq is None else ModSeq(modseq),
        )


def parse_folder_status(response: Response) -> PartialStatus | None:
    """One STATUS response (RFC 3501 7.2.4); None when it cannot be read."""
    values = parse_values(response.parts)
    if len(values) < 3 or not isinstance(values[1], bytes) or not isinstance(values[2], list):
        return None
    items = values[2]
    numbers = {
        name.decode("ascii", "replace").upper(): int(number)
        for name, number in zip(items[::2], items[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(number, bytes) and number.isdigit()
    }
    name = values[1]
    return PartialStatus(WireName(b"INBOX" if name.upper() == b"INBOX" else name), numbers)


# --- search --------------------------------------------------------------------------------------

_ESEARCH_ALL = re.compile(rb"\bALL ([0-9:,]+)", re.IGNORECASE)


def parse_esearch(response: Response) -> UidSet | None:
    """The ALL of an ESEARCH (RFC 4731 3.1); an absent one means that nothing was found.

    None for another response. Raises ProtocolViolated.
    """
    if not response.head.upper().startswith(b"ESEARCH"):
        return None
    match = _ESEARCH_ALL.search(response.head)
    try:
        return UidSet() if match is None else UidSet.parse(match[1].decode())
    except ValueError as error:
        raise ProtocolViolated("The server sent a set of numbers that is none.") from error


def parse_search(response: Response) -> UidSet | None:
    """The numbers of a SEARCH (RFC 3501 7.2.5); None for another response."""
    words = response.head.split()
    if not words or words[0].upper() != b"SEARCH":
        return None
    return UidSet.of(int(one) for one in words[1:] if one.isdigit())
