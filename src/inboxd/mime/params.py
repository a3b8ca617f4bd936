"""`type/subtype; name=value` fields with their parameters (RFC 2045 5.1, RFC 2183, RFC 2231)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from inboxd.mime import charset, words

MAX_LENGTH = 8_192
"""Characters read of one such field; real ones stay below 500."""

_PARAMETER = re.compile(
    r';[;\s]*([^\s=;"]{1,60})\s*=\s*(?:"((?:[^"\\]|\\.)*)(?:"|\Z)|([^;]*))', re.DOTALL
)
"""A quotation mark that is never closed reaches to the end, so a search stays linear."""

_PIECE = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?\Z")
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Value:
    """The head of such a field in lower case, and its parameters by lower-case name."""

    head: str
    parameters: dict[str, str]

    def get(self, name: str) -> str:
        """The parameter called `name`, or an empty string."""
        return self.parameters.get(name, "")


EMPTY = Value("", {})


def read(value: bytes) -> Value:
    """Read one Content-Type or Content-Disposition value; what cannot be read is left out."""
    if not value:
        return EMPTY
    text = words.unfolded(value[:MAX_LENGTH])
    head, semicolon, _ = text.partition(";")
    if not semicolon:
        return Value(_head(head), {})
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(text, len(head)):
        quoted = match[2]
        content = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match[3].strip()
        piece = _PIECE.match(match[1].lower())
        if piece is None:
            continue
        if piece[2] is None and piece[3] is None:
            plain.setdefault(piece[1], words.decode(content))
        else:
            extended = piece[3] is not None
            pieces.setdefault(piece[1], {})[int(piece[2] or 0)] = (content, extended)
    for name, numbered in pieces.items():
        plain[name] = _joined(numbered)
    return Value(_head(head), plain)


def _head(text: str) -> str:
    if "(" in text:
        text = _COMMENT.sub("", text)
    return text.strip().strip('"').lower()


def _joined(numbered: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 3 and 4: numbered pieces in order, percent-encoded where marked."""
    label = ""
    out = b""
    for number in sorted(numbered):
        content, extended = numbered[number]
        if extended:
            if not out and content.count("'") >= 2:
                label, _, content = content.split("'", 2)
            out += unquote_to_bytes(content.encode("utf-8", "replace"))
        else:
            out += content.encode("utf-8", "replace")
    return words.decode(charset.decode(out, label, []))
