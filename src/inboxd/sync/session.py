"""One connection of one account, from login to last byte, and what is done over it.

Backfill and live sync share everything here: which account, its folders, fetching what was
planned, and what to do when the server does not hand out what it lists.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from inboxd.clock import Clock
from inboxd.config.model import Settings
from inboxd.imap.client import ImapClient
from inboxd.model.ids import AccountId, UidValidity
from inboxd.model.server import Fetched, Metadata, UidSet
from inboxd.model.settings import Terms
from inboxd.store.database import Database
from inboxd.store.folders import Folder
from inboxd.store.messages import Place
from inboxd.sync.pipeline import Shared
from inboxd.sync.plan import Bounds


@dataclass(frozen=True, slots=True)
class Ground:
    """What every account stands on; made once by the daemon."""

    database: Database
    clock: Clock
    settings: Settings
    tls: ssl.SSLContext
    random: Random
    """Spreads what must not happen at the same moment everywhere."""
    histories: Shared = field(default_factory=Shared)


@dataclass(frozen=True, slots=True)
class Session:
    """One live connection of one account."""

    ground: Ground
    account: AccountId
    imap: ImapClient

    def place(
        self,
        folder: Folder,
        terms: Terms,
        *,
        historical: bool,
        uidvalidity: UidValidity | None = None,
    ) -> Place:
        """Where a batch from `folder` belongs; of its present generation unless told."""
        generation = folder.uidvalidity if uidvalidity is None else uidvalidity
        if generation is None:
            raise ValueError(f"folder {folder.id} was never seen on the server")
        return Place(
            account=self.account,
            folder=folder.id,
            name=folder.name,
            uidvalidity=generation,
            visibility=terms.visibility,
            historical=historical,
            blocks=terms.blocks,
            labelled=folder.labelled,
        )

    async def fetch(self, wanted: Sequence[Metadata]) -> list[Fetched]:
        """The bodies of the selected folder's messages; a UID that is gone is absent.

        INTERNALDATE is the one seen when it was planned, so that a decision and the stored
        value never differ.
        """
        limit = self.ground.settings.limits.message_bytes
        most_bytes = Bounds.of(self.ground.settings.sync).most_bytes
        if len(wanted) == 1 and wanted[0].size > most_bytes:
            large = await self.imap.fetch_large(wanted[0], limit=limit)
            return [] if large is None else [large]
        return await self.imap.fetch_bodies(UidSet.of(one.uid for one in wanted))

    async def withheld(self, asked: UidSet, given: UidSet) -> UidSet:
        """The UIDs that the server still lists but did not hand out, having been asked twice.

        What is not listed any more was deleted meanwhile and needs no outcome. An OK without
        the message is seen on Microsoft 365 and iCloud; taking it as done would lose mail.
        """
        missing = asked - given
        if not missing:
            return missing
        return missing & await self.imap.search_uids(missing)
