"""The body that people read: which parts of a message are it, and what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inboxd.mime import charset, flowed, html, transfer
from inboxd.mime.structure import Part

MAX_TEXT = 4 * 1024 * 1024
"""Bytes of one part that are read as text; the raw message keeps the rest."""

PLAIN = frozenset(
    {"text/plain", "text/enriched", "text/richtext", "text/markdown", "text/x-plain"}
)
STATUS = "message/delivery-status"
"""Lines for programs that say what people want to know too: to whom, and why not (RFC 3464)."""
HTML = frozenset({"text/html", "application/xhtml+xml"})

_META_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE
)
_META_BYTES = 2_048


@dataclass(frozen=True, slots=True)
class Body:
    """What of a message is read; both may be empty."""

    text: str = ""
    html: str = ""


def is_body(part: Part, root: Part) -> bool:
    """Whether a leaf is text to read rather than a file to keep."""
    if part.kind not in PLAIN and part.kind not in HTML:
        return part is root and part.kind.startswith("text/") and not _is_file(part)
    return not _is_file(part)


def _is_file(part: Part) -> bool:
    return part.disposition.head == "attachment" or bool(part.filename)


def body_of(raw: bytes, root: Part, problems: list[str]) -> Body:
    """The readable body: plain text where there is some, else made from HTML; and all HTML."""
    return _Renderer(raw, root, problems).render(root)


class _Renderer:
    """One walk over the parts of one message; HTML becomes text only where nothing else is."""

    def __init__(self, raw: bytes, root: Part, problems: list[str]) -> None:
        self._raw = raw
        self._root = root
        self._problems = problems

    def render(self, part: Part) -> Body:
        return self._with_text(self._read(part))

    def _with_text(self, body: Body) -> Body:
        if not body.text and body.html:
            return Body(html.to_text(body.html, self._problems), body.html)
        return body

    def _read(self, part: Part) -> Body:
        if part.children:
            bodies = [self._read(child) for child in part.children]
            if part.kind == "multipart/alternative":
                return _alternative(bodies)
            if any(body.text for body in bodies):
                bodies = [self._with_text(body) for body in bodies]
            return _sequence(bodies)
        if part.kind == STATUS and self._root.kind == "multipart/report":
            return Body(text=part_text(self._raw, part, self._problems).strip("\n"))
        if part.kind.startswith("multipart/") or not is_body(part, self._root):
            return Body()
        text = part_text(self._raw, part, self._problems)
        return Body(html=text) if part.kind in HTML else Body(text=text)


def part_text(raw: bytes, part: Part, problems: list[str]) -> str:
    """The text of one leaf, line ends as LF; blank text is empty."""
    end = part.end
    if end - part.start > MAX_TEXT:
        problems.append("text-too-long")
        end = part.start + MAX_TEXT
    data = transfer.decode(raw[part.start : end], part.encoding, problems)
    label = part.content_type.get("charset")
    if part.kind in HTML and label.lower() in charset.UNTOLD:
        told = _META_CHARSET.search(data[:_META_BYTES])
        label = told[1].decode("ascii") if told else label
    text = charset.decode(data, label, problems).removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.kind == "text/plain" and part.content_type.get("format").lower() == "flowed":
        delete_space = part.content_type.get("delsp").lower() == "yes"
        text = flowed.joined(text, delete_space=delete_space)
    return text if text and not text.isspace() else ""


def _alternative(bodies: list[Body]) -> Body:
    """RFC 2046 5.1.4: the same content again and again, the best last."""
    text = next((body.text for body in bodies if body.text), "")
    page = next((body.html for body in reversed(bodies) if body.html), "")
    return Body(text, page)


def _sequence(bodies: list[Body]) -> Body:
    texts = [body.text for body in bodies if body.text]
    pages = [body.html for body in bodies if body.html]
    text = texts[0] if len(texts) == 1 else "\n".join(one.rstrip("\n") for one in texts)
    return Body(text, "\n".join(pages))
