"""A message out of raw bytes: the one door of this package. Pure; it never raises on mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from inboxd.mime import charset, dates, fields, mailboxes, params, structure, text, transfer, words
from inboxd.mime.structure import Part
from inboxd.model.errors import NotFound
from inboxd.model.messages import Address, Attachment, ParsedMessage

T = TypeVar("T")

MAX_SUBJECT = 20_000
"""Bytes read of Subject and other one-line fields."""

MAX_REFERENCES = 1_000
"""Message-IDs kept of References; a thread is found by the newest."""

PROBLEMS = {
    "base64-broken": "base64 with letters missing or too many",
    "boundary-missing": "a multipart that does not tell its boundary",
    "charset-unknown": "text in a charset that nobody knows",
    "charset-wrong": "text that is not in the charset it claims",
    "date-unreadable": "a Date that is none",
    "header-line-unreadable": "a line among the header fields that is no field",
    "header-too-long": "a header or a field of it that was read in part",
    "header-too-many-fields": "a header of which the rest was left unread",
    "html-cut": "HTML of which only the start was made into text",
    "multipart-empty": "a multipart without parts",
    "nesting-too-deep": "multiparts within multiparts that were left unread",
    "text-too-long": "a text of which only the start was read",
    "too-many-parts": "parts, or lines like their boundaries, that were left unread",
    "uuencode-broken": "uuencoded content with damaged lines",
}
"""Every name in `ParsedMessage.problems`, and what was met. Beside them stands only
`internal-<field>-<error>`: a mistake of ours that cost the field."""

_BETWEEN = re.compile(r"\s+|\([^()]*\)")
"""RFC 5322 4.5.4: comments and blanks between the words of an identifier are no part of it."""
_MESSAGE_ID = re.compile(r"<([^<>\s][^<>]{0,997})>")


def parse(raw: bytes) -> ParsedMessage:
    """Read a whole message. What cannot be read is left empty and named in `problems`."""
    raw = _with_line_feeds(raw)
    problems: list[str] = []
    root = _guarded(lambda: structure.read(raw, problems), _opaque(raw), "structure", problems)
    header = root.header
    hint = root.content_type.get("charset")
    nobody: dict[str, tuple[Address, ...]] = {}
    people = _guarded(lambda: _people(header, hint), nobody, "people", problems)
    body = _guarded(lambda: text.body_of(raw, root, problems), text.Body(), "body", problems)
    return ParsedMessage(
        subject=_guarded(lambda: _line(header, "subject", hint), "", "subject", problems),
        from_=people.get("from", ()),
        sender=people.get("sender", ()),
        reply_to=people.get("reply-to", ()),
        to=people.get("to", ()),
        cc=people.get("cc", ()),
        bcc=people.get("bcc", ()),
        date=_guarded(lambda: _date(header, problems), None, "date", problems),
        message_id=_guarded(lambda: _message_id(header), "", "message-id", problems),
        in_reply_to=_guarded(lambda: _ids(header, "in-reply-to"), (), "in-reply-to", problems),
        references=_guarded(lambda: _ids(header, "references"), (), "references", problems),
        text=body.text,
        html=body.html,
        attachments=_guarded(lambda: _attachments(raw, root), (), "attachments", problems),
        problems=tuple(dict.fromkeys(problems)),
    )


def attachment_bytes(raw: bytes, index: int) -> tuple[Attachment, bytes]:
    """One attachment with its decoded content; `index` is its number in `attachments`.

    Raises NotFound where the message has no such attachment.
    """
    raw = _with_line_feeds(raw)
    root = structure.read(raw, [])
    parts = _attached(root)
    if not 0 <= index < len(parts):
        raise NotFound(f"There is no attachment {index}: the message has {len(parts)}.")
    part = parts[index]
    content = transfer.decode(raw[part.start : part.end], part.encoding, [])
    return _attachment(raw, part, index), content


def _guarded(read: Callable[[], T], otherwise: T, what: str, problems: list[str]) -> T:
    """What `read` gives; a mistake of ours costs one field of one message, never the message."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001  mail is hostile: no exception may leave
        problems.append(f"internal-{what}-{type(error).__name__}")
        return otherwise


def _with_line_feeds(raw: bytes) -> bytes:
    """Lines that end in CR alone get LF; no offset moves."""
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _opaque(raw: bytes) -> Part:
    """A message whose structure could not be read: nothing of it is text."""
    return Part(fields.Header({}, 0), params.EMPTY, params.EMPTY, len(raw), len(raw))


def _line(header: fields.Header, name: str, hint: str) -> str:
    return words.text_of(header.first(name)[:MAX_SUBJECT], hint).strip()


def _people(header: fields.Header, hint: str) -> dict[str, tuple[Address, ...]]:
    """The mailboxes of each of the six fields; a field that stands there twice counts twice."""
    return {
        name: tuple(one for value in values for one in mailboxes.read(value, hint).addresses)
        for name in fields.ADDRESS_FIELDS
        if (values := header.all(name))
    }


def _date(header: fields.Header, problems: list[str]) -> datetime | None:
    value = header.first("date")
    found = dates.read(value)
    if value and found is None:
        problems.append("date-unreadable")
    return found


def _message_id(header: fields.Header) -> str:
    found = _ids(header, "message-id")
    return found[0] if found else ""


def _ids(header: fields.Header, name: str) -> tuple[str, ...]:
    value = header.first(name)
    if not value:
        return ()
    line = words.unfolded(value[-200_000:])
    found = [_BETWEEN.sub("", one) for one in _MESSAGE_ID.findall(line)]
    if not found:
        bare = [one.strip("<>,;") for one in line.split()[:MAX_REFERENCES]]
        # One word alone is what some programs call a message; among others only an `@` tells.
        found = [one for one in bare if "@" in one or len(bare) == 1]
    return tuple(dict.fromkeys(one for one in found[-MAX_REFERENCES:] if one))


def _attached(root: Part) -> list[Part]:
    return [
        part
        for part in root.leaves()
        if not text.is_body(part, root) and not part.kind.startswith("multipart/")
    ]


def _attachments(raw: bytes, root: Part) -> tuple[Attachment, ...]:
    return tuple(_attachment(raw, part, n) for n, part in enumerate(_attached(root)))


def _attachment(raw: bytes, part: Part, index: int) -> Attachment:
    content_id = words.unfolded(part.header.first("content-id")[:1_000]).strip("<> ")
    head = part.disposition.head
    return Attachment(
        index=index,
        filename=charset.clean(part.filename)[:1_000],
        content_type=charset.clean(part.kind)[:255],
        size=transfer.decoded_size(raw[part.start : part.end], part.encoding),
        inline=head == "inline" or bool(content_id and head != "attachment"),
        content_id=content_id,
    )
