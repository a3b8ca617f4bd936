"""Contact sources as the API sees them, without a CRM."""

from __future__ import annotations

from datetime import UTC, datetime

from inboxd.model.errors import LoginRejected, NotFound
from inboxd.model.views import ImportReport, SourceView

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class FakeSources:
    """Takes every token but one."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    async def everything(self) -> tuple[SourceView, ...]:
        return tuple(SourceView(name, url, NOON, None, "") for name, url in self.known.items())

    async def set_pipedrive(self, url: str, token: str, caller: str) -> ImportReport:
        if token == "wrong" or not caller:
            raise LoginRejected("Pipedrive refuses the token.")
        self.known["pipedrive"] = url
        return await self.pull("pipedrive")

    async def pull(self, name: str) -> ImportReport:
        if name not in self.known:
            raise NotFound(f"There is no contact source {name!r}.")
        return ImportReport(2, 1, ())

    async def remove(self, name: str) -> None:
        if self.known.pop(name, None) is None:
            raise NotFound(f"There is no contact source {name!r}.")
