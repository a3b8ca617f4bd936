"""The parts of a message (RFC 2046 5.1), as spans of its raw bytes, found in one pass.

Each delimiter line is compared with the boundaries that are open just then, so that an inner part
whose end is missing ends with the outer one, and hostile nesting costs no second look at a byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from inboxd.mime import charset, fields, params

MAX_DEPTH = 50
"""Multiparts within multiparts. Real mail has below 10; what is deeper stays one opaque part."""

MAX_PARTS = 10_000

MAX_DASHED_LINES = 200_000
"""Lines that begin with two dashes: a boundary may be among them, an attack may be all of them."""

_MULTIPART = "multipart/"
_SNIFFED_BOUNDARY = re.compile(rb"(?:\A|\n)--([^\r\n]{1,200}?)[ \t]*\r*\n(?=[Cc]ontent-)")
_SNIFF_BYTES = 65_536
_UUENCODED = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,255}+)\r*+\n(?:[ -`]{1,90}+\r*+\n){1,}+end[ \t]*+\r*+$",
    re.MULTILINE,
)
_AS_IT_IS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(slots=True)
class Part:
    """One node of a message; `start` and `end` delimit its body in the raw bytes."""

    header: fields.Header
    content_type: params.Value
    disposition: params.Value
    start: int
    end: int
    in_digest: bool = False
    children: list[Part] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """The media type in lower case.

        `text/plain` where none can be read (RFC 2045 5.2); in a digest, a message where none is
        told (RFC 2046 5.1.5).
        """
        head = self.content_type.head
        if not head and self.in_digest:
            return "message/rfc822"
        return head if "/" in head[1:-1] else "text/plain"

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding, in lower case."""
        value = self.header.first("content-transfer-encoding")
        return value.decode("latin-1").partition(";")[0].strip().strip('"').lower()

    @property
    def filename(self) -> str:
        """The name it travels under, or an empty string; folds may have left blanks in it."""
        name = self.disposition.get("filename") or self.content_type.get("name")
        return " ".join(name.split())

    def leaves(self) -> Iterator[Part]:
        """The parts without parts, in their order."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(slots=True)
class _Open:
    part: Part
    boundary: bytes


def read(raw: bytes, problems: list[str]) -> Part:
    """Find the parts of `raw`; oddities are named in `problems`."""
    root = _part_at(raw, 0, len(raw), problems)
    if not root.kind.startswith(_MULTIPART):
        _read_uuencoded(raw, root)
        return root
    scan = _Scan(raw, root, problems)
    scan.run()
    return root


class _Scan:
    """One pass over the dashed lines of a message."""

    def __init__(self, raw: bytes, root: Part, problems: list[str]) -> None:
        self._raw = raw
        self._problems = problems
        self._open: list[_Open] = []
        self._leaf: Part | None = None
        self._parts = 1
        self._next = 0
        self._opened(root)

    def run(self) -> None:
        raw = self._raw
        at = raw.find(b"\n--", max(0, self._next - 1))
        lines = 0
        while at >= 0 and self._open:
            lines += 1
            if lines > MAX_DASHED_LINES or self._parts > MAX_PARTS:
                self._problems.append("too-many-parts")
                break
            line_end = raw.find(b"\n", at + 1)
            line_end = len(raw) if line_end < 0 else line_end
            self._next = at + 3
            self._line(at, raw[at + 3 : min(line_end, at + 1_003)].rstrip(), line_end)
            at = raw.find(b"\n--", self._next)
        self._close(0, len(raw))

    def _line(self, at: int, line: bytes, line_end: int) -> None:
        for level in range(len(self._open) - 1, -1, -1):
            boundary = self._open[level].boundary
            if line == boundary:
                self._close(level + 1, at)
                start = min(line_end + 1, len(self._raw))
                part = _part_at(self._raw, start, self._header_limit(start), self._problems)
                around = self._open[level].part
                part.in_digest = around.kind == "multipart/digest"
                around.children.append(part)
                self._parts += 1
                self._opened(part)
                return
            if line == boundary + b"--":
                self._close(level, at)
                return

    def _header_limit(self, start: int) -> int:
        """Where the header of a part ends at the latest: at a dashed line, if one is in it."""
        match = fields.HEADER_END.search(self._raw, start - 1)
        end = len(self._raw) if match is None else match.end()
        dashed = self._raw.find(b"\n--", start - 1, end)
        return len(self._raw) if dashed < 0 else dashed + 1

    def _opened(self, part: Part) -> None:
        part.end = len(self._raw)
        self._next = part.start - 1
        self._leaf = part
        if not part.kind.startswith(_MULTIPART):
            return
        if len(self._open) >= MAX_DEPTH:
            self._problems.append("nesting-too-deep")
            return
        boundary = _boundary(self._raw, part, self._problems)
        if boundary:
            self._open.append(_Open(part, boundary))
            self._leaf = None

    def _close(self, level: int, at: int) -> None:
        """End whatever is open at `level` and above, in front of the line end at `at`."""
        if at > 0 and self._raw[at - 1] == 0x0D:
            at -= 1
        if self._leaf is not None:
            self._leaf.end = max(self._leaf.start, at)
            self._leaf = None
        for opened in self._open[level:]:
            opened.part.end = max(opened.part.start, at)
            if not opened.part.children:
                self._problems.append("multipart-empty")
        del self._open[level:]


def _read_uuencoded(raw: bytes, root: Part) -> None:
    """Before MIME, files stood in the text itself: they and the texts around are its parts."""
    told = root.disposition.head == "attachment" or root.filename
    if root.kind != "text/plain" or root.encoding not in _AS_IT_IS or told:
        return
    at = root.start
    for match in _UUENCODED.finditer(raw, root.start):
        if len(root.children) > MAX_PARTS:
            break
        name = charset.guess(match[1]).strip()
        root.children += (
            Part(root.header, root.content_type, params.EMPTY, at, match.start()),
            Part(
                fields.Header({"content-transfer-encoding": [b"x-uuencode"]}, match.start()),
                params.Value("application/octet-stream", {}),
                params.Value("attachment", {"filename": name}),
                match.start(),
                match.end(),
            ),
        )
        at = match.end()
    if root.children:
        root.children.append(Part(root.header, root.content_type, params.EMPTY, at, root.end))


def _part_at(raw: bytes, start: int, limit: int, problems: list[str]) -> Part:
    header = fields.read(raw, start, limit)
    problems.extend(header.problems)
    return Part(
        header,
        params.read(header.first("content-type")),
        params.read(header.first("content-disposition")),
        header.body_start,
        len(raw),
    )


def _boundary(raw: bytes, part: Part, problems: list[str]) -> bytes:
    told = part.content_type.get("boundary").rstrip()
    if told:
        return told.encode("utf-8", "replace")
    problems.append("boundary-missing")
    match = _SNIFFED_BOUNDARY.search(raw[part.start : part.start + _SNIFF_BYTES])
    return match[1] if match else b""
