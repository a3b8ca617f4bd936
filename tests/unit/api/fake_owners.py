"""Owners as the API sees them, without a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inboxd.model.errors import NotFound
from inboxd.model.ids import OwnerId
from inboxd.model.settings import Settings, changed
from inboxd.model.views import OwnerView


class FakeOwners:
    """Keeps settings in memory, under the real rules."""

    def __init__(self) -> None:
        self.known: dict[str, Settings] = {"anna": Settings()}
        self.callers: list[str] = []

    async def everyone(self) -> tuple[OwnerView, ...]:
        return tuple([await self.settings(one) for one in self.known])

    async def settings(self, owner: str) -> OwnerView:
        if owner not in self.known:
            raise NotFound(f"There is no owner {owner!r}.")
        return OwnerView(OwnerId(owner), self.known[owner], ("anna@example.org",))

    async def change(self, owner: str, wishes: Mapping[str, Any], caller: str) -> OwnerView:
        self.known[owner] = changed(self.known.get(owner, Settings()), wishes)
        self.callers.append(caller)
        return await self.settings(owner)
