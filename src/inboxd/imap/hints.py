"""What a server says without being asked, as the protocol notes it down."""

from __future__ import annotations

from inboxd.imap.responses import PartialStatus


class Hints:
    """What the server said without being asked, since it was last taken."""

    __slots__ = (
        "arrivals", "arrived", "expunged", "flags", "folders", "list_changed", "received_at"
    )  # fmt: skip

    def __init__(self) -> None:
        self.arrived = False
        """EXISTS: the selected folder may hold new messages."""
        self.arrivals = 0
        """By how many messages the selected folder grew."""
        self.expunged = False
        """EXPUNGE or VANISHED: messages of the selected folder are gone."""
        self.flags = False
        """Flags changed."""
        self.folders: list[PartialStatus] = []
        """STATUS of other folders (NOTIFY)."""
        self.list_changed = False
        """LIST: a folder was made, renamed or deleted (NOTIFY)."""
        self.received_at: float | None = None
        """When the first of them came in, in seconds of the monotonic clock."""

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return self.received_at is not None
