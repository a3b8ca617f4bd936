"""Who a message is from and to, told from its header alone (P6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inboxd.mime import fields, mailboxes, words
from inboxd.model.addresses import normalise
from inboxd.model.ids import AddressKey

_COMMENT = re.compile(r"\([^()]*\)")


def headers_people(header: bytes) -> tuple[AddressKey, ...]:
    """Every address of From, Sender, Reply-To, To, Cc and Bcc, in normal form and once each.

    `header` is a raw header, whole or only those fields. Where a field is not written as the
    grammar has it, everything in it that could be meant as an address counts: a message of a
    contact that is not fetched is lost, one too many is only one too many.
    """
    if b"\n" not in header:
        header = header.replace(b"\r", b"\n")
    found = fields.read(header)
    written = (
        address
        for name in fields.ADDRESS_FIELDS
        for value in found.all(name)
        for address in _addresses(value)
    )
    keys = (normalise(address) for address in dict.fromkeys(written))
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def _addresses(value: bytes) -> Iterator[str]:
    reading = mailboxes.read(value)
    for one in reading.addresses:
        yield one.address
    if reading.doubtful:
        yield from mailboxes.candidates(reading.text)
        # A comment may stand inside of an address (RFC 5322 4.4 obs-domain).
        yield from mailboxes.candidates(_COMMENT.sub("", reading.text))
        decoded = words.decode(reading.text)
        if decoded != reading.text:
            yield from mailboxes.candidates(decoded)
