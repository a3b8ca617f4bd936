"""Bringing mail from a server into the store.

`session` is one connection and what both ways of syncing do with it, `backfill` the history,
`live` everything later, `scope` which UIDs belong to whom, `intake` the one door to the store,
`plan` the pure decisions. Accounts decide when; nothing here knows phases or back-off.
"""

from __future__ import annotations
