"""What an account can be asked to prove."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from inboxd.api.schemas.base import Answer, PageOf, Request
from inboxd.model import proof as views
from inboxd.model.proof import GapKind, WhyState


class Gap(Answer):
    """One difference between the ledger and the server."""

    kind: GapKind
    uids: list[tuple[int, int]] = Field(description="Intervals: first and last.")
    count: int
    sentence: str


class FolderProof(Answer):
    """One folder, compared."""

    folder: str
    uidvalidity: int
    on_server: int
    stored: int
    skipped: int
    quarantined: int
    pending: int = Field(description="In scope and not reached yet.")
    out_of_scope: int = Field(description="Left out as a whole by the conditions.")
    gaps: list[Gap]


class Proof(Answer):
    """An account, compared with its server (P18)."""

    good: bool
    folders: list[FolderProof]


class Why(Answer):
    """Why a message is here, or is not (P18)."""

    state: WhyState
    sentence: str
    reason: str = Field(description="The ledger's word; empty where it has none.")
    folder: str | None
    uidvalidity: int | None
    uid: int | None
    message: int | None


class Whys(PageOf[Why]):
    """Every place where it was found; never empty."""


class WhyFilter(Request):
    """What is asked about: one of the three."""

    message_id: str | None = Field(default=None, max_length=1000)
    address: str | None = Field(default=None, max_length=1000)
    folder: str | None = Field(default=None, max_length=1000)
    uid: int | None = Field(default=None, ge=1, le=2**32 - 1)

    def question(self) -> views.Question:
        """The same as the desk takes it."""
        return views.Question(self.message_id, self.address, self.folder, self.uid)


class Alternative(Answer):
    """What one start date and scope would bring."""

    since: str
    history: str | None
    messages: int
    bytes: int
    seconds: float = Field(description="About how long it takes, at the measured speed.")
    chosen: bool


class PreviewedFolder(Answer):
    """One label's part of the chosen alternative."""

    folder: str
    messages: int
    bytes: int


class Preview(Answer):
    """What Sync would bring (P9)."""

    chosen: Alternative | None = Field(description="Null while no start date is chosen.")
    folders: list[PreviewedFolder]
    alternatives: list[Alternative]
    measured_on: str = Field(
        examples=["history", "sample"], description="Where the speed comes from."
    )

    @classmethod
    def of(cls, found: views.Preview) -> Preview:
        """Spell a preview."""
        return cls(
            chosen=None if found.chosen is None else Alternative.model_validate(found.chosen),
            folders=[
                PreviewedFolder(folder=name, messages=messages, bytes=size)
                for name, messages, size in found.folders
            ],
            alternatives=[Alternative.model_validate(one) for one in found.alternatives],
            measured_on=found.measured_on,
        )


class Quarantined(Answer):
    """One message that was set aside (P17)."""

    id: str = Field(examples=["3.1700000000.17"])
    account: int
    folder: str
    uidvalidity: int
    uid: int
    reason: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    has_raw: bool = Field(description="Whether its bytes are kept and can be exported.")


class Quarantine(PageOf[Quarantined]):
    """All that is set aside."""


class QuarantineFilter(Request):
    """Which part of the quarantine."""

    account: str | None = Field(default=None, description="An account's id or address.")


class Retried(Answer):
    """What a retry did."""

    sentence: str
    quarantined: Quarantined | None = Field(description="Null once it is stored.")
