"""Text for a terminal: harmless, aligned, in the reader's own time zone. Pure.

Subjects, names, folders and what servers say are written by strangers; an escape sequence among
them could rewrite the screen, a right-to-left mark could make a file name lie.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (also bidirectional marks), surrogate, line and paragraph separators."""

_JOINER = "\u200d"
"""Zero-width joiner: harmless, and emoji fall apart without it."""

_MIN_FLEXIBLE = 8
"""Cells below which a shortened column tells nothing."""

_GAP = 2


def clean(text: str, *, lines: bool = False) -> str:
    """The same text without anything that acts on a terminal.

    With `lines`, line breaks and tabs stay; else each becomes one blank.
    """
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = text.replace("\r\n", "\n")
    return "".join(_harmless(character, lines) for character in text)


def _harmless(character: str, lines: bool) -> str:
    if character in "\n\t":
        return character if lines else " "
    if character == "\r" and not lines:
        return " "
    if character == _JOINER or unicodedata.category(character) not in _HARMFUL:
        return character
    return ""


def width(text: str) -> int:
    """Cells that clean text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or character == _JOINER:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, cells: int) -> str:
    """At most `cells` of clean text, with an ellipsis where something is missing."""
    if width(text) <= cells:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > cells - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    fit: int | None = None,
    flexible: Sequence[int] = (),
) -> list[str]:
    """Aligned lines, titles first. With `fit`, the `flexible` columns shrink to that width."""
    cleaned = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max([width(title), *(width(row[column]) for row in cleaned)])
        for column, title in enumerate(titles)
    ]
    if fit is not None:
        _shrink(widths, fit, flexible)
    return [_line(row, widths) for row in [list(titles), *cleaned]]


def _shrink(widths: list[int], fit: int, flexible: Sequence[int]) -> None:
    while sum(widths) + _GAP * (len(widths) - 1) > fit:
        widest = max(flexible, key=lambda column: widths[column], default=None)
        if widest is None or widths[widest] <= _MIN_FLEXIBLE:
            return
        widths[widest] -= 1


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [shortened(cell, room) for cell, room in zip(row, widths, strict=True)]
    padded = (cell + " " * (room - width(cell)) for cell, room in zip(cells, widths, strict=True))
    return (" " * _GAP).join(padded).rstrip()


def local_time(moment: str | None) -> str:
    """A time of the API in the reader's zone, to the minute; a dash for none."""
    if moment is None:
        return "-"
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def size(count: float) -> str:
    """Bytes for people: `1.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds for people: `45 s`, `3 min`, `2 h 5 min`, `4 d`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 2 * 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d"


def mailbox(address: dict[str, str]) -> str:
    """A name and an address as people read them."""
    if not address["name"]:
        return address["address"]
    return f"{address['name']} <{address['address']}>" if address["address"] else address["name"]
