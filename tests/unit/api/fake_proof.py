"""Proofs as the API sees them, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

from inboxd.model.conditions import Patch
from inboxd.model.errors import BadInput, NotFound
from inboxd.model.ids import FolderName, MessageId, Uid, UidValidity
from inboxd.model.proof import (
    Alternative,
    FolderProof,
    Gap,
    GapKind,
    Preview,
    Proof,
    Quarantined,
    Question,
    Why,
    WhyState,
)

INBOX = FolderName("INBOX")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HELD = Quarantined(
    "1.7.9", 1, INBOX, UidValidity(7), Uid(9), "not_given", "withheld", 2, NOON, NOON, False
)


class FakeProof:
    """Knows one account with one gap and one message in quarantine."""

    def __init__(self) -> None:
        self.gaps: tuple[Gap, ...] = (
            Gap(GapKind.MISSING, ((Uid(3), Uid(5)),), 3, "3 are missing."),
        )
        self.retried: list[str] = []

    async def verify(self, ref: str) -> Proof:
        _known(ref)
        return Proof((FolderProof(INBOX, UidValidity(7), 9, 5, 1, 1, 0, 2, self.gaps),))

    async def why(self, ref: str, question: Question) -> tuple[Why, ...]:
        _known(ref)
        if question == Question():
            raise BadInput("Ask by one of: a Message-ID, an address, or a folder with a UID.")
        return (Why(WhyState.STORED, "It is stored.", "", INBOX, None, None, MessageId(1)),)

    async def preview(self, ref: str, patch: Patch) -> Preview:
        _known(ref)
        chosen = Alternative("1m", "everyone", 9, 9_000, 0.5, patch.since == "1m")
        return Preview((chosen,), ((INBOX, 9, 9_000),), "sample")

    async def quarantine(self, ref: str | None) -> tuple[Quarantined, ...]:
        if ref is not None:
            _known(ref)
        return (HELD,)

    async def quarantined(self, item: str) -> Quarantined:
        if item != HELD.id:
            raise NotFound("That is not in quarantine.")
        return HELD

    async def quarantined_raw(self, item: str) -> bytes:
        await self.quarantined(item)
        return b"raw"

    async def retry(self, item: str, caller: str) -> tuple[Quarantined | None, str]:
        await self.quarantined(item)
        self.retried.append(caller)
        return HELD, "It still cannot be stored."


def _known(ref: str) -> None:
    if ref not in ("1", "anna@example.org"):
        raise NotFound(f"There is no account {ref!r}.")
