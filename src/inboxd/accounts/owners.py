"""Personal settings: whose, which, and who is told (P21)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inboxd.accounts.supervisor import Supervisor
from inboxd.model.addresses import normalise
from inboxd.model.errors import BadInput
from inboxd.model.events import EventType
from inboxd.model.ids import AccountId, OwnerId
from inboxd.model.settings import Settings, changed, differing
from inboxd.model.views import OwnerView
from inboxd.store import owners
from inboxd.store.database import Database, Unit


class OwnersDesk:
    """What people may ask for themselves; nothing here reaches another owner."""

    def __init__(self, database: Database, supervisor: Supervisor) -> None:
        self._database = database
        self._supervisor = supervisor

    async def everyone(self) -> tuple[OwnerView, ...]:
        """All owners with their settings and accounts."""
        known = await self._database.read(owners.everyone)
        return tuple([await self.settings(one) for one in known])

    async def settings(self, owner: str) -> OwnerView:
        """One owner's settings. Raises NotFound."""
        name = OwnerId(owner)
        chosen = await self._database.read(owners.settings, name)
        mailboxes = await self._database.read(owners.accounts_of, name)
        return OwnerView(name, chosen, tuple(address for _, address in mailboxes))

    async def change(self, owner: str, wishes: Mapping[str, Any], caller: str) -> OwnerView:
        """Change some settings, for mail that comes in from now on.

        An owner that is not known yet is from now on: settings may come before the first account.
        Raises BadInput for an unknown setting or an impossible value; then nothing changes.
        """
        name = OwnerId(owner)

        def work(unit: Unit) -> tuple[AccountId, ...]:
            owners.ensure(unit, name)
            before = owners.settings(unit.connection, name)
            after = changed(before, wishes)
            mailboxes = owners.accounts_of(unit.connection, name)
            _check_default(after, [address for _, address in mailboxes])
            if after != before:
                owners.set_settings(unit, name, after)
                unit.emit(
                    EventType.SETTINGS_CHANGED,
                    None,
                    {"owner": owner, "settings": differing(after), "caller": caller},
                )
            return tuple(account for account, _ in mailboxes)

        for account in await self._database.write(work, durable=True):
            self._supervisor.ring(account)
        return await self.settings(owner)


def _check_default(after: Settings, addresses: list[str]) -> None:
    if not after.default_account or not addresses:
        return
    if normalise(after.default_account) not in [normalise(one) for one in addresses]:
        raise BadInput(
            f"{after.default_account} is none of this owner's accounts: {', '.join(addresses)}."
        )
