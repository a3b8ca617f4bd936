"""Accounts as people see them: what is stored, joined with how each folder is watched now."""

from __future__ import annotations

from inboxd.accounts.supervisor import Supervisor
from inboxd.model.ids import AccountId
from inboxd.model.labels import chosen
from inboxd.model.views import AccountView, FolderView, Page, Progress
from inboxd.store import accounts, folders, reading, runs
from inboxd.store.accounts import Account
from inboxd.sync.session import Ground


class Viewing:
    """Makes the views of accounts."""

    def __init__(self, ground: Ground, supervisor: Supervisor) -> None:
        self._database = ground.database
        self._clock = ground.clock
        self._supervisor = supervisor

    async def accounts(self) -> tuple[AccountView, ...]:
        """All accounts, by id."""
        stored = await self._database.read(accounts.everyone)
        return tuple([await self.account(one) for one in stored])

    async def page(self, after: int, limit: int) -> Page[AccountView]:
        """At most `limit` accounts by id, from the one behind `after`."""
        stored = await self._database.read(accounts.page, after, limit + 1)
        items = tuple([await self.account(one) for one in stored[:limit]])
        return Page(items, str(items[-1].id) if len(stored) > limit else None)

    async def account(self, account: Account) -> AccountView:
        """One account, whole."""
        return AccountView(
            id=account.id,
            address=account.address,
            owner=account.owner,
            phase=account.phase,
            conditions=account.conditions,
            imap=account.imap,
            smtp=account.smtp,
            username=account.login.username,
            created_at=account.created_at,
            synced_at=account.synced_at,
            trouble=account.trouble,
            history=await self._progress(account.id),
            server_word=account.server_word,
            folders=await self._folders(account),
        )

    async def _folders(self, account: Account) -> tuple[FolderView, ...]:
        stored = await self._database.read(reading.stored_counts, account.id)
        known = await self._database.read(folders.of_account, account.id)
        listed = [one for one in known if one.listed]
        watches = self._supervisor.watches(account.id)
        wanted = chosen(account.conditions.labels, listed)
        return tuple(
            FolderView(
                name=one.name,
                separator=one.separator,
                special_use=one.special_use,
                selectable=one.selectable,
                labelled=one.labelled,
                chosen=one.name in wanted,
                watch=watches.get(one.id),
                uidvalidity=one.uidvalidity,
                uidnext=one.uidnext,
                messages=one.messages,
                stored=stored.get(one.id, 0),
            )
            for one in listed
        )

    async def _progress(self, account: AccountId) -> Progress | None:
        run = await self._database.read(runs.latest, account)
        if run is None:
            return None
        parts = await self._database.read(runs.folders, run.id)
        done = sum(part.done for part in parts)
        total = sum(part.total for part in parts)
        current = next((part.name for part in parts if part.finished_at is None), None)
        begun = run.planned_at or run.pressed_at
        seconds = ((run.finished_at or self._clock.now()) - begun).total_seconds()
        rate = done / seconds if done and seconds > 0 else None
        left = (total - done) / rate if rate and run.finished_at is None else None
        return Progress(
            folder=current,
            done=done,
            total=total,
            stored=sum(part.stored for part in parts),
            bytes_stored=sum(part.bytes for part in parts),
            started_at=run.pressed_at,
            finished_at=run.finished_at,
            per_second=rate,
            seconds_left=left,
        )
