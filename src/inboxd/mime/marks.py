"""What kind of mail a message is, by its structure and header. Pure; never raises on mail."""

from __future__ import annotations

from collections.abc import Iterator

from inboxd.mime import structure
from inboxd.mime.structure import Part
from inboxd.model.messages import Mark

_BY_KIND = {
    "multipart/signed": Mark.SIGNED,
    "application/pkcs7-signature": Mark.SIGNED,
    "application/x-pkcs7-signature": Mark.SIGNED,
    "application/pgp-signature": Mark.SIGNED,
    "multipart/encrypted": Mark.ENCRYPTED,
    "application/pgp-encrypted": Mark.ENCRYPTED,
    "text/calendar": Mark.CALENDAR,
    "application/ics": Mark.CALENDAR,
}

_BY_FIELD = {
    "list-id": Mark.MAILING_LIST,
    "list-unsubscribe": Mark.MAILING_LIST,
    "x-autoreply": Mark.AUTOMATIC,
    "x-autorespond": Mark.AUTOMATIC,
}


def marks_of(raw: bytes) -> tuple[Mark, ...]:
    """Signed, encrypted, an invitation, from a list, or written by a machine; each once."""
    root = structure.read(raw, [])
    found = {_BY_KIND[part.kind] for part in _parts(root) if part.kind in _BY_KIND}
    found |= {_smime(part) for part in _parts(root) if part.kind.endswith("pkcs7-mime")}
    found |= {mark for name, mark in _BY_FIELD.items() if root.header.first(name)}
    # RFC 3834 5: everything but "no" was sent without a person.
    answered = root.header.first("auto-submitted").strip().lower()
    if answered and not answered.startswith(b"no"):
        found.add(Mark.AUTOMATIC)
    return tuple(sorted(found))


def _smime(part: Part) -> Mark:
    """S/MIME says in a parameter which it is (RFC 8551 3.2.2); most of it is encrypted."""
    return Mark.SIGNED if part.content_type.get("smime-type") == "signed-data" else Mark.ENCRYPTED


def _parts(root: Part) -> Iterator[Part]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(part.children)
