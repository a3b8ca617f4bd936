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

_PIECE = re.compile(r"([^*]+)(?:\*([0-9]{1,5}))?(\*)?\Z")
_TYPE = re.compile(r'[\s"]*([^\s/"]+)\s*/\s*([^\s"]+)')
_COMMENT = re.compile(r"\([^()]*\)")
_NAME_FIRST = re.compile(rb"\s*[^\s=;\"?()/]{1,60}\s*=")


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
    value = value[:MAX_LENGTH]
    text = _unfolded(_separated(value) if b"\n" in value else value)
    head, semicolon, _ = text.partition(";")
    if not semicolon:
        return Value(_head(head), {})
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(text, len(head)):
        piece = _PIECE.match(match[1].lower())
        if piece is None:
            continue
        content = _content(piece[1], match[2], match[3])
        if piece[2] is None and piece[3] is None:
            plain.setdefault(piece[1], words.decode(content))
        else:
            extended = piece[3] is not None
            pieces.setdefault(piece[1], {})[int(piece[2] or 0)] = (content, extended)
    for name, numbered in pieces.items():
        plain[name] = _joined(numbered)
    return Value(_head(head), plain)


def _unfolded(value: bytes) -> str:
    """`value` on one line; unlike elsewhere, blanks in quotation marks are what they are."""
    return charset.guess(value, "").replace("\r", "").replace("\n", "").replace("\t", " ")


def _separated(value: bytes) -> bytes:
    """`value` with a semicolon where a line ends without one and the next begins `name=`."""
    out: list[bytes] = []
    quoted = False
    for line in value.split(b"\n"):
        if out and not quoted and _NAME_FIRST.match(line) and not out[-1].rstrip().endswith(b";"):
            out[-1] += b";"
        out.append(line)
        quoted ^= (line.count(b'"') - line.count(b'\\"')) % 2 == 1
    return b"\n".join(out)


def _content(name: str, quoted: str | None, bare: str) -> str:
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted)
    # Only here are parentheses a comment (RFC 2045 5.1): `report (1).pdf` stands bare as well.
    if name == "charset":
        bare = _COMMENT.sub("", bare)
    return bare.strip()


def _head(text: str) -> str:
    """RFC 2045 5.1: comments and blanks may stand anywhere around the type and its slash."""
    if "(" in text:
        text = _COMMENT.sub("", text)
    match = _TYPE.match(text)
    return (f"{match[1]}/{match[2]}" if match else text.strip().strip('"')).lower()


def _joined(numbered: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 3 and 4: numbered pieces in order, percent-encoded where marked."""
    label = ""
    out = b""
    for number in sorted(numbered):
        content, extended = numbered[number]
        if extended:
            if not out and content.count("'") >= 2:
                label, _, content = content.split("'", 2)
            elif label:
                # Some name the charset in front of each piece (RFC 2231 4.1 has the first only).
                content = content.removeprefix(f"{label}'")
            out += unquote_to_bytes(content.encode("utf-8", "replace"))
        else:
            out += content.encode("utf-8", "replace")
    return words.decode(charset.decode(out, label, []))
