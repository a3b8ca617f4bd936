"""What other programs' authors say about real messages, held against what inboxd reads."""

from __future__ import annotations
