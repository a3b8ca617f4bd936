"""What can be proven of an account: the ledger against the server, why, and what would come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inboxd.model.ids import FolderName, MessageId, Uid, UidValidity


class GapKind(StrEnum):
    """How the ledger and the server can differ (P18)."""

    MISSING = "missing"
    """On the server and in scope, without an outcome here."""
    GHOST = "ghost"
    """Believed to be on the server, which does not list it."""
    RENUMBERED = "renumbered"
    """The server's UIDVALIDITY is another one than the stored one."""
    UNWATCHED = "unwatched"
    """The label is chosen and nothing of it is in scope yet."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One difference."""

    kind: GapKind
    uids: tuple[tuple[Uid, Uid], ...]
    """Intervals, first and last; empty where the whole folder is meant."""
    count: int
    sentence: str


@dataclass(frozen=True, slots=True)
class FolderProof:
    """One folder, compared."""

    folder: FolderName
    uidvalidity: UidValidity
    on_server: int
    stored: int
    skipped: int
    quarantined: int
    pending: int
    """In scope and not reached yet: a history under way, or mail of this very moment."""
    out_of_scope: int
    """On the server, and never to be synced: what the choices leave out as a whole."""
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """An account, compared (P18)."""

    folders: tuple[FolderProof, ...]

    @property
    def good(self) -> bool:
        """Whether there is no gap."""
        return not any(one.gaps for one in self.folders)


class WhyState(StrEnum):
    """What became of a message (P18)."""

    STORED = "stored"
    SKIPPED = "skipped"
    QUARANTINED = "quarantined"
    PENDING = "pending"
    GONE = "gone"
    DELETED = "deleted"
    OUT_OF_SCOPE = "out_of_scope"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a message is here, or is not."""

    state: WhyState
    sentence: str
    reason: str = ""
    """The ledger's word, where it has one."""
    folder: FolderName | None = None
    uidvalidity: UidValidity | None = None
    uid: Uid | None = None
    message: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What `why` asks about: exactly one of the three."""

    message_id: str | None = None
    address: str | None = None
    folder: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One message that was set aside (P17)."""

    id: str
    """Folder, UIDVALIDITY and UID, joined by dots."""
    account: int
    folder: FolderName
    uidvalidity: UidValidity
    uid: Uid
    reason: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    has_raw: bool
    """Whether its bytes are kept here and can be exported."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What one choice of start date and scope would bring (P9)."""

    since: str
    history: str | None
    messages: int
    bytes: int
    seconds: float
    """About how long it takes, at the measured speed."""
    chosen: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What Sync would bring, without storing anything (P9)."""

    alternatives: tuple[Alternative, ...]
    """By start date, then scope; the chosen one is marked, if one is chosen."""
    folders: tuple[tuple[FolderName, int, int], ...]
    """Of the chosen alternative: name, messages, bytes."""
    measured_on: str
    """Where the speed comes from: `history` (a finished one) or `sample` (a few mails fetched)."""

    @property
    def chosen(self) -> Alternative | None:
        """The alternative that the conditions ask for."""
        return next((one for one in self.alternatives if one.chosen), None)
