"""Gmail's IMAP extensions (X-GM-EXT-1): the labels that each message carries.

All Mail holds every message once, and its labels say where else it is seen. See the "Gmail IMAP
Extensions" page of Google's developer documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inboxd.imap.folders import decode_name, encode_name
from inboxd.imap.responses import Value

EXTENSION = "X-GM-EXT-1"
ITEM = "X-GM-LABELS"

INBOX = "\\Inbox"
"""The system label of what is not archived."""


def item_labels(items: Mapping[bytes, Value]) -> frozenset[str]:
    """The labels of one message: system ones begin with a backslash."""
    value = items.get(ITEM.encode())
    if not isinstance(value, list):
        return frozenset()
    return frozenset(decode_name(one) for one in value if isinstance(one, bytes))


def spelled(labels: Iterable[str]) -> str:
    """Labels as an argument of STORE; system ones are atoms, others quoted modified UTF-7."""
    words = []
    for one in labels:
        if one.startswith("\\"):
            words.append(one)
        else:
            wire = encode_name(one).decode("ascii")
            words.append('"' + wire.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return f"({' '.join(words)})"
