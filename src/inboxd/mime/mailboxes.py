"""Address fields (RFC 5322 3.4, 4.4): mailboxes, groups, comments, and what senders make of them.

A field that is not written as the grammar has it is still read as people would read it, and is
called doubtful, so that P6 can look for more possible addresses in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from inboxd.mime import words
from inboxd.model.addresses import normalise
from inboxd.model.messages import Address

MAX_GRAMMAR = 131_072
"""Characters read by the grammar, about 10 MB/s; longer fields are only searched for addresses."""

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-"
_SIMPLE = re.compile(
    rf'(?:(?:"([^"\\]*)"[ \t]*|([^"<>(),:;@\\\[\]]*))<([{_ATEXT}]+@[A-Za-z0-9.\-]+)>'
    rf"|([{_ATEXT}]+@[A-Za-z0-9.\-]+))[ \t]*(?:,\s*|\Z)"
)
"""One mailbox as nearly all are written, and the comma behind it."""

_TOKEN = re.compile(
    rf"(?P<word>{words.WORD})"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*(?:"|\Z))'
    r'|(?P<angle><(?:"(?:[^"\\]|\\.)*(?:"|\Z)|[^"<>])*(?:>|(?=<)|\Z))'
    r"|(?P<blank>\s+)"
    r"|(?P<special>[(),:;])"
    r"|(?P<atom>[^\s\"<>(),:;=]+|.)",
    re.DOTALL,
)
_PARENTHESIS = re.compile(r"\\.|[()]", re.DOTALL)
_SEPARATORS = re.compile(r"[\s\"<>(),:;\[\]\\]+")
_QUOTED_LOCAL_END = re.compile(r'"@[^\s"<>(),:;]{1,255}')
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)*\Z', re.DOTALL)
MAX_LOCAL = 64
"""Characters of a local part (RFC 5321 4.5.3.1.1)."""
_TRIMMINGS = "'*.|/=`~#!{}?_-&"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an address field says."""

    addresses: tuple[Address, ...]
    doubtful: bool
    """Not written as the grammar has it, so it may mean more addresses than were read."""
    text: str
    """The field as one line of text, encoded words left alone."""


def read(value: bytes, hint: str = "") -> Reading:
    """Read one value of an address field."""
    text = words.unfolded(value, hint)
    simple = _read_simple(text)
    if simple is not None:
        return Reading(simple, doubtful=False, text=text)
    if len(text) > MAX_GRAMMAR:
        found = tuple(Address("", candidate) for candidate in candidates(text))
        return Reading(found, doubtful=True, text=text)
    reader = _Reader(text)
    reader.read()
    return Reading(tuple(reader.found), reader.doubtful, text)


def candidates(text: str) -> Iterator[str]:
    """Whatever in `text` could be meant as an address, in linear time; some are none."""
    for token in _SEPARATORS.split(text):
        if "@" in token:
            front, _, domain = token.rpartition("@")
            last = f"{front.rpartition('@')[2]}@{domain}"
            stripped = token.strip(_TRIMMINGS)
            for form in dict.fromkeys(
                (token, stripped, token.rpartition("=")[2], token.rstrip("."), last)
            ):
                if normalise(form) is not None:
                    yield form
    # From the end of each, because a search from every opening mark would take quadratic time.
    for match in _QUOTED_LOCAL_END.finditer(text):
        before = _QUOTED_LOCAL.search(text[max(0, match.start() - MAX_LOCAL) : match.start()])
        if before is not None:
            yield before[0] + match[0]


def _read_simple(text: str) -> tuple[Address, ...] | None:
    found: list[Address] = []
    at = 0
    while at < len(text):
        match = _SIMPLE.match(text, at)
        if match is None:
            return None
        quoted, name, angle, bare = match.groups()
        shown = quoted if quoted is not None else name
        if shown:
            shown = words.decode(shown) if quoted is not None else words.decode(shown).strip()
        address = angle or bare
        if ".." in address or normalise(address) is None:
            return None
        found.append(Address(shown or "", address))
        at = match.end()
    return tuple(found)


class _Reader:
    """One pass over a field by the whole grammar."""

    def __init__(self, text: str, *, nested: bool = False) -> None:
        self.found: list[Address] = []
        self.doubtful = False
        self._text = text
        self._at = 0
        self._nested = nested
        self._in_group = False
        self._clear()

    def _clear(self) -> None:
        self._phrase: list[tuple[str, str]] = []
        self._angle: str | None = None
        self._comments: list[str] = []
        self._comments_before = 0
        """How many of them stood in front of the angle brackets."""

    def read(self) -> None:
        while self._at < len(self._text):
            match = _TOKEN.match(self._text, self._at)
            if match is None:
                break
            self._at = match.end()
            self._take(str(match.lastgroup), match[0])
        self._flush()

    def _take(self, kind: str, piece: str) -> None:
        if kind == "special":
            self._special(piece)
        elif kind == "angle":
            if self._angle is not None:
                self.doubtful = True
                self._flush()
            self.doubtful |= not piece.endswith(">")
            self._angle = piece.strip("<>")
            self._comments_before = len(self._comments)
        else:
            if kind == "blank" and self._phrase and self._phrase[-1][0] == "blank":
                return  # a comment stood between them
            self.doubtful |= kind == "quoted" and (len(piece) < 2 or piece[-1] != '"')
            self._phrase.append((kind, piece))

    def _special(self, mark: str) -> None:
        if mark == "(":
            self._comments.append(self._read_comment())
        elif mark == ")":
            self.doubtful = True
        elif mark == ":":
            if self._angle is None and not any("@" in piece for _, piece in self._phrase):
                self._in_group = True
                self._clear()
            else:
                self.doubtful = True
        else:
            # Outlook separates by semicolons; inside a group it is the group's end.
            self.doubtful |= mark == ";" and not self._in_group
            self._in_group &= mark != ";"
            self._flush()

    def _read_comment(self) -> str:
        depth, start = 1, self._at
        for match in _PARENTHESIS.finditer(self._text, start):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth == 0:
                self._at = match.end()
                return self._text[start : match.start()].strip()
        self.doubtful = True
        self._at = len(self._text)
        return self._text[start:].strip()

    def _flush(self) -> None:
        phrase, angle, comments = self._phrase, self._angle, self._comments
        before = self._comments_before
        self._clear()
        if angle is not None:
            self._with_angle(_name(phrase), angle, comments[:before], comments[before:])
            self.doubtful |= any("@" in piece and kind == "atom" for kind, piece in phrase)
            return
        comment = _said(comments)
        raw = "".join(piece for _, piece in phrase).strip()
        if not raw:
            return
        spec = _spec(phrase)
        if normalise(spec) is not None:
            self.found.append(Address(comment, spec))
            return
        self.doubtful = True
        self._without_angle(phrase, raw, comment)

    def _with_angle(self, name: str, angle: str, before: list[str], behind: list[str]) -> None:
        address, inside_it = _uncommented(angle)
        address = _without_route(address)
        comment = _said([*before, inside_it, *behind])
        if normalise(address) is None:
            self.doubtful = True
            inside = next(candidates(words.decode(address)), "")
            name = name or ("" if inside else words.decode(address))
            address = inside
            if not address:
                address = next(candidates(name), "")
        if name or address:
            shown = f"{name} ({comment})" if name and comment else name or comment
            self.found.append(Address(shown, address))

    def _without_angle(self, phrase: list[tuple[str, str]], raw: str, comment: str) -> None:
        decoded = words.decode(raw)
        if decoded != raw and "@" in decoded and not self._nested:
            # Some senders encode the whole mailbox, address and all.
            inner = _Reader(decoded, nested=True)
            inner.read()
            self.found += inner.found
            return
        addresses = list(candidates(raw))
        if not addresses:
            self.found.append(Address(_name(phrase) or comment, ""))
            return
        name = decoded.replace(addresses[0], " ").strip(" \t\"'<>,") or comment
        self.found.append(Address(name if len(addresses) == 1 else "", addresses[0]))
        self.found += [Address("", other) for other in addresses[1:]]


def _said(comments: list[str]) -> str:
    """Comments as one text (RFC 5322 3.2.2); a backslash only says that a mark is meant."""
    return words.decode(" ".join(re.sub(r"\\(.)", r"\1", one) for one in comments if one))


def _uncommented(angle: str) -> tuple[str, str]:
    """An address without comments and blanks between its words (RFC 5322 4.4), and those."""
    if "(" not in angle and " " not in angle and "\t" not in angle:
        return angle, ""
    reader = _Reader(angle)
    reader.read()
    if len(reader.found) == 1:
        return reader.found[0].address, reader.found[0].name
    return angle.strip(), ""


def _spec(phrase: list[tuple[str, str]]) -> str:
    """The pieces as one addr-spec: blanks around its dots and its at sign do not count."""
    out: list[str] = []
    blank = False
    for kind, piece in phrase:
        if kind == "blank":
            blank = bool(out)
            continue
        if blank and out[-1][-1] not in "@." and piece[0] not in "@.":
            out.append(" ")
        out.append(piece)
        blank = False
    return "".join(out)


def _without_route(angle: str) -> str:
    """RFC 5322 4.4: `<@relay,@relay:local@domain>` names the mailbox behind the colon."""
    return angle.rpartition(":")[2] if angle.startswith("@") else angle


def _name(phrase: list[tuple[str, str]]) -> str:
    pieces = [
        re.sub(r"\\(.)", r"\1", piece.strip('"') if piece == '"' else piece[1:].removesuffix('"'))
        if kind == "quoted"
        else " "
        if kind == "blank"
        else piece
        for kind, piece in phrase
    ]
    quoted_alone = [kind for kind, _ in phrase if kind != "blank"] == ["quoted"]
    if quoted_alone:
        return words.decode("".join(piece for piece in pieces if piece != " "))
    return words.decode("".join(pieces).strip()).strip()
