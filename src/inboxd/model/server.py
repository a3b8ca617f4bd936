"""Where a mail server is, how it is reached, and what it says of its folders."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inboxd.model.ids import FolderName, ModSeq, Uid, UidValidity, WireName

MAX_UID = 2**32 - 1
"""RFC 3501 9: nz-number, 32 bits unsigned."""


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    """TLS from the first byte (RFC 8314)."""
    STARTTLS = "starttls"
    NONE = "none"
    """Nothing: to this machine only."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server, one port, one way to protect it."""

    host: str
    port: int
    security: Security

    @property
    def is_this_machine(self) -> bool:
        """Whether what is sent there stays on this machine; told by the name alone."""
        name = self.host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{self.host}:{self.port} ({self.security})"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A login. Its representation never shows the secret (P34)."""

    username: str
    secret: str
    mechanism: str = "password"
    """`password`, or `xoauth2` when the secret is an access token."""

    def __repr__(self) -> str:
        return f"Credentials(mechanism={self.mechanism!r})"


class SpecialUse(StrEnum):
    """RFC 6154 2, and the inbox."""

    INBOX = "inbox"
    ALL = "all"
    ARCHIVE = "archive"
    DRAFTS = "drafts"
    FLAGGED = "flagged"
    IMPORTANT = "important"
    """RFC 8457."""
    JUNK = "junk"
    SENT = "sent"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """What STATUS or EXAMINE says of a folder (RFC 3501 6.3.10, RFC 7162 3.1)."""

    uidvalidity: UidValidity
    uidnext: Uid | None
    """None where the server does not tell (Courier's SELECT)."""
    messages: int
    highestmodseq: ModSeq | None = None


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """One line of LIST, with its STATUS where that came along."""

    wire_name: WireName
    name: FolderName
    separator: str
    """Empty where the hierarchy is flat (NIL)."""
    special_use: SpecialUse | None
    selectable: bool
    status: FolderStatus | None = None
    labelled: bool = False
    """It holds all mail, and each message carries its labels (Gmail)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a message before its body is fetched."""

    uid: Uid
    size: int
    """RFC822.SIZE in bytes: a promise that some servers break."""
    internal_date: datetime
    """INTERNALDATE, aware UTC: when this folder got the message."""
    labels: frozenset[str] = frozenset()
    """X-GM-LABELS as the server gives them, decoded; empty elsewhere."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of one message of Gmail's All Mail."""

    uid: Uid
    labels: frozenset[str]
    """As in `Metadata`."""
    modseq: ModSeq | None
    """Of their last change (RFC 7162)."""


@dataclass(frozen=True, slots=True)
class FetchedHeader:
    """The address fields of one message, raw, as P6 decides on them."""

    uid: Uid
    header: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """One whole message as the server gave it."""

    uid: Uid
    size: int
    internal_date: datetime
    raw: bytes
    labels: frozenset[str] = frozenset()
    """X-GM-LABELS as the server gives them, decoded; empty elsewhere."""


class UidSet:
    """An immutable, sorted set of UIDs, kept as closed intervals (RFC 3501 9 sequence-set).

    A mailbox of a million messages with few gaps costs a handful of tuples.
    """

    __slots__ = ("_intervals",)

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        merged: list[tuple[int, int]] = []
        for first, last in sorted((min(pair), max(pair)) for pair in intervals):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._intervals = tuple(merged)

    @classmethod
    def of(cls, uids: Iterable[int]) -> UidSet:
        """Build a set from single UIDs in any order."""
        return cls((uid, uid) for uid in uids)

    @classmethod
    def span(cls, first: int, last: int) -> UidSet:
        """All UIDs from `first` to `last`, both included; empty when `last < first`."""
        return cls(((first, last),)) if first <= last else cls()

    @classmethod
    def parse(cls, text: str) -> UidSet:
        """Read the form that `str` gives. Raises ValueError on anything else."""
        if not text:
            return cls()
        pairs = (part.partition(":") for part in text.split(","))
        return cls((int(first), int(last or first)) for first, _, last in pairs)

    @property
    def intervals(self) -> tuple[tuple[int, int], ...]:
        """The closed intervals, ascending and disjoint."""
        return self._intervals

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._intervals)

    def __bool__(self) -> bool:
        return bool(self._intervals)

    def __iter__(self) -> Iterator[Uid]:
        for first, last in self._intervals:
            for uid in range(first, last + 1):
                yield Uid(uid)

    def __reversed__(self) -> Iterator[Uid]:
        for first, last in reversed(self._intervals):
            for uid in range(last, first - 1, -1):
                yield Uid(uid)

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        after = bisect_right(self._intervals, (uid, MAX_UID))
        return after > 0 and uid <= self._intervals[after - 1][1]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UidSet) and self._intervals == other._intervals

    def __hash__(self) -> int:
        return hash(self._intervals)

    def __or__(self, other: UidSet) -> UidSet:
        return UidSet((*self._intervals, *other._intervals))

    def __and__(self, other: UidSet) -> UidSet:
        common: list[tuple[int, int]] = []
        mine, theirs = list(self._intervals), list(other._intervals)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            first, last = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if first <= last:
                common.append((first, last))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return UidSet(common)

    def __sub__(self, other: UidSet) -> UidSet:
        left: list[tuple[int, int]] = []
        holes = other._intervals
        at = 0
        for whole_first, last in self._intervals:
            first = whole_first
            while at < len(holes) and holes[at][1] < first:
                at += 1
            k = at
            while k < len(holes) and holes[k][0] <= last:
                if holes[k][0] > first:
                    left.append((first, holes[k][0] - 1))
                first = max(first, holes[k][1] + 1)
                k += 1
            if first <= last:
                left.append((first, last))
        return UidSet(left)

    def newest(self, count: int) -> UidSet:
        """The `count` highest UIDs."""
        kept: list[tuple[int, int]] = []
        for first, last in reversed(self._intervals):
            if count <= 0:
                break
            start = max(first, last - count + 1)
            kept.append((start, last))
            count -= last - start + 1
        return UidSet(kept)

    @property
    def highest(self) -> Uid | None:
        """The largest UID, or None when empty."""
        return Uid(self._intervals[-1][1]) if self._intervals else None

    def __str__(self) -> str:
        return ",".join(
            str(first) if first == last else f"{first}:{last}" for first, last in self._intervals
        )

    def __repr__(self) -> str:
        return f"UidSet({self})"
