"""inboxd: the e-mail sync engine for a CRM, as one self-hosted daemon.

The floors, each importing only downwards (`lint-imports` keeps it so):

    programs   main (the `inboxd` command) · demo · daemon (composition root) · cli (`inboxctl`)
    faces      api (HTTP over the Unix socket)
    work       accounts (one task each) > sync > events
    adapters   imap · smtp · mime · contacts · discovery · store (none imports another)
    ground     config > log · clock · backoff · systemd · secrets > model

One message's way: bytes > `imap.stream` > `imap.protocol` > `imap.client` (a typed `Fetched`) >
`sync.backfill` or `sync.live` > `sync.intake` > `store` (one transaction) > `events.hub` > `api`.

One preference's way: `cli` > socket > `api` > `accounts.desk` > `model.conditions` (pure) >
`store` > the account's own task.
"""

from __future__ import annotations

__version__ = "0.1.0"
