"""Header fields out of raw bytes, whatever their lines look like (RFC 5322 2.2, 3.5, 4.5).

Read all the same: an mbox `From ` line or a byte-order mark in front, `Name :`, lines that end in
LF, CRLF or CR CR LF, a line that is no field among fields, and no empty line before the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_FIELDS = 20_000
"""Of one header. Real mail has below 500; more only keeps a processor busy."""

MAX_HEADER = 8 * 1024 * 1024
"""Bytes of one header that are read; common mail servers refuse to pass on a tenth of it."""

MAX_VALUE = 1024 * 1024
"""Bytes kept of one value: some 30,000 recipients."""

ADDRESS_FIELDS = ("from", "sender", "reply-to", "to", "cc", "bcc")
"""The six fields of P6."""

_BOM = b"\xef\xbb\xbf"
_MBOX_LINE = re.compile(rb">?From (?![ \t]*:)[^\n]*\n")
_BLANK_LINES = re.compile(rb"(?:\r*\n){1,100}+(?=[!-9;-~]+[ \t]*:)")
_EMPTY_LINE = re.compile(rb"\r*\n")
HEADER_END = re.compile(rb"\n\r*\n")
"""The line end of the last field, and the empty line behind it."""
_NAME = rb"[^\s:\x00-\x1f\x7f]+"
_LINE = re.compile(rb"(?:(" + _NAME + rb")[ \t]*:[ \t]*)?([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_FIELD = re.compile(_NAME + rb"[ \t]*:")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one header, and where the body behind it starts."""

    values: dict[str, list[bytes]]
    """By lower-case name, in their order; line ends inside a value are LF."""
    body_start: int
    problems: tuple[str, ...] = ()

    def first(self, name: str) -> bytes:
        """The first value called `name`, or an empty one."""
        found = self.values.get(name)
        return found[0] if found else b""

    def all(self, name: str) -> list[bytes]:
        """Every value called `name`."""
        return self.values.get(name, [])


def read(raw: bytes, start: int = 0, end: int | None = None) -> Header:
    """Read the header that begins at `start`; it ends at an empty line, or at `end`."""
    end = len(raw) if end is None else end
    start = _after_front(raw, start, end)
    if _EMPTY_LINE.match(raw, start, end):
        return Header({}, raw.index(b"\n", start) + 1)
    match = HEADER_END.search(raw, start, end)
    stop, body_start = (match.start() + 1, match.end()) if match else (end, end)
    block = raw[start : min(stop, start + MAX_HEADER)]
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
        if b"\r" in block:
            block = re.sub(rb"\r+\n", b"\n", block).replace(b"\r", b" ")
    lines = _Lines(block, closed=match is not None)
    if stop - start > MAX_HEADER:
        lines.problems.append("header-too-long")
    text_at = lines.read()
    if text_at is not None:
        body_start = _nth_line(raw, start, block.count(b"\n", 0, text_at))
    return Header(lines.values, body_start, tuple(dict.fromkeys(lines.problems)))


class _Lines:
    """One pass over a header block."""

    def __init__(self, block: bytes, *, closed: bool) -> None:
        self.values: dict[str, list[bytes]] = {}
        self.problems: list[str] = []
        self._block = block
        self._closed = closed
        self._last = ""

    def read(self) -> int | None:
        """Fill `values`; the offset of the first line of text where the empty line is missing."""
        at = count = 0
        block, match_line, keep = self._block, _LINE.match, self._keep
        while at < len(block):
            match = match_line(block, at)
            if match is None:
                break
            count += 1
            if count > MAX_FIELDS:
                self.problems.append("header-too-many-fields")
                break
            name, value = match.groups()
            if name is not None:
                keep(name, value)
            elif value:
                self.problems.append("header-line-unreadable")
                if not self._goes_on(match.end()):
                    return at
                self._stray(value)
            at = match.end()
        return None

    def _keep(self, name: bytes, value: bytes) -> None:
        if len(value) > MAX_VALUE:
            self.problems.append("header-too-long")
            value = value[:MAX_VALUE]
        key = self._last = name.decode("latin-1").lower()
        found = self.values.get(key)
        if found is None:
            self.values[key] = [value]
        else:
            found.append(value)

    def _stray(self, line: bytes) -> None:
        """A recipient on the line behind a comma is a fold whose blank was lost."""
        values = self.values.get(self._last, [])
        if self._last in ADDRESS_FIELDS and values[-1].rstrip().endswith(b","):
            values[-1] += b"\n " + line[:MAX_VALUE]

    def _goes_on(self, at: int) -> bool:
        """Whether the header continues behind a line that is no field."""
        if at >= len(self._block):
            return self._closed
        return _FIELD.match(self._block, at) is not None


def _after_front(raw: bytes, start: int, end: int) -> int:
    if start == 0:
        if raw.startswith(_BOM):
            start = len(_BOM)
        mbox = _MBOX_LINE.match(raw, start, end)
        if mbox is not None:
            start = mbox.end()
        blank = _BLANK_LINES.match(raw, start, end)
        if blank is not None:
            start = blank.end()
    return start


def _nth_line(raw: bytes, position: int, count: int) -> int:
    for _ in range(count):
        position = raw.index(b"\n", position) + 1
    return position
