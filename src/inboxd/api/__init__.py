"""The control API: HTTP with JSON over the Unix socket, described by OpenAPI.

It spells what `inboxd.accounts.desk` does and decides nothing itself: no rule, no SQL, no IMAP.
`app.create_app` builds it, `server.serve` runs it on a socket that `server.bind` made.
"""

from __future__ import annotations
