"""Identifiers as distinct types, so that a UID can never be passed where a row id is meant."""

from __future__ import annotations

from typing import NewType

AccountId = NewType("AccountId", int)
"""A mailbox of one owner. Never reused."""

OwnerId = NewType("OwnerId", str)
"""The person whose mail it is; an id of the CRM's choosing, the address where none is given."""

FolderId = NewType("FolderId", int)
"""One folder of one account, for as long as the account exists, whatever its UIDVALIDITY."""

MessageId = NewType("MessageId", int)
"""A stored message (one content of one account), not its Message-ID header."""

ThreadId = NewType("ThreadId", int)
"""A conversation within one account: the id of the first message stored of it."""

ContactId = NewType("ContactId", int)
RunId = NewType("RunId", int)
"""One history run: the first one after Sync, or a re-sync."""

EventSeq = NewType("EventSeq", int)
"""The gapless, growing number of a committed event (P33)."""

Uid = NewType("Uid", int)
"""RFC 3501 2.3.1.1: 1 to 2**32 - 1, growing within one UIDVALIDITY of one folder."""

UidValidity = NewType("UidValidity", int)
"""RFC 3501 2.3.1.1: the generation of a folder's UIDs. 0 is met in the wild and is a value."""

ModSeq = NewType("ModSeq", int)
"""RFC 7162: the modification sequence of a folder or message."""

FolderName = NewType("FolderName", str)
"""A folder's name as people read it: decoded Unicode, the server's own separator."""

WireName = NewType("WireName", bytes)
"""A folder's name exactly as the server lists it (modified UTF-7, RFC 3501 5.1.3), unquoted."""

AddressKey = NewType("AddressKey", str)
"""The one normal form of an e-mail address (P24); see `inboxd.model.addresses`."""
