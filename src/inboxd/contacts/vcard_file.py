"""Contacts out of a vCard file: versions 2.1, 3.0 and 4.0 (RFC 6350), one card or many. Pure.

Only names and addresses are read. A photo is skipped where it stands; what other programs get
wrong (no line ending at the end, Latin-1 bytes, unquoted blanks) is taken as it is meant.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact
from inboxd.model.ids import AddressKey

MAX_BYTES = 64 * 1024 * 1024
"""Of one file: some 100,000 cards without photos."""

MAX_VALUE = 10_000
"""Characters of a name or address that are looked at; what is longer is neither."""

_LINE = re.compile(r"(?:[A-Za-z0-9-]+\.)?(?P<name>[A-Za-z0-9-]+)(?P<rest>[;:].*)\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NAMES = frozenset({"BEGIN", "END", "FN", "N", "ORG", "EMAIL"})


@dataclass(frozen=True, slots=True)
class VCardContacts:
    """What a file holds."""

    contacts: tuple[NewContact, ...]
    problems: tuple[str, ...]
    """Each as `line N: sentence`, N from 1; never with what stands in the line."""


@dataclass(slots=True)
class _Card:
    """One card while it is read."""

    line: int
    name: str = ""
    parts: str = ""
    """The name put together from N, for cards without FN."""
    organisation: str = ""
    addresses: dict[AddressKey, str] = field(default_factory=dict)


def read(data: bytes) -> VCardContacts:
    """Read a vCard file: UTF-8, UTF-16 with a mark, or Windows-1252. Never raises.

    A card without an address is no contact and no problem; an address that is none is one.
    """
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        return VCardContacts((), (f"line 1: the file is larger than {limit} MiB: split it.",))
    if not data.strip():
        return VCardContacts((), ("line 1: the file is empty.",))
    reader = _Reader()
    for number, line in _unfolded(_decoded(data)):
        reader.take(number, line)
    return reader.result()


class _Reader:
    """One pass over the lines of one file."""

    def __init__(self) -> None:
        self._card: _Card | None = None
        self._cards = 0
        self._contacts: list[NewContact] = []
        self._problems: list[str] = []

    def take(self, number: int, line: str) -> None:
        """Read one whole line."""
        match = _LINE.match(line)
        if match is None:
            if self._card is not None and line.strip():
                self._problem(number, "is no property: a colon is missing.")
            return
        name = match["name"].upper()
        if name not in _NAMES:
            return
        parameters, value = _cut(match["rest"])
        if name in ("BEGIN", "END"):
            if value.strip().upper() == "VCARD":
                self._border(number, name)
        elif self._card is not None:
            self._property(self._card, number, name, _plain(parameters, value))

    def _border(self, number: int, name: str) -> None:
        if name == "BEGIN":
            if self._card is not None:
                self._problem(self._card.line, "begins a card that never ends.")
            self._card = _Card(number)
            self._cards += 1
        elif self._card is None:
            self._problem(number, "ends a card that never began.")
        else:
            self._finish(self._card)
            self._card = None

    def _property(self, card: _Card, number: int, name: str, value: str) -> None:
        if len(value) > MAX_VALUE:
            self._problem(number, "is far too long for a name or an address.")
        elif name == "FN":
            card.name = card.name or _unescaped(value)
        elif name == "N":
            family, given, *_ = [_unescaped(one) for one in _split(value, ";")] + [""]
            card.parts = card.parts or f"{given} {family}".strip()
        elif name == "ORG":
            card.organisation = card.organisation or _unescaped(_split(value, ";")[0])
        elif name == "EMAIL":
            self._address(card, number, _unescaped(value))

    def _address(self, card: _Card, number: int, value: str) -> None:
        text = value.strip()
        if text[:7].lower() == "mailto:":
            text = text[7:]
        if not text:
            return
        key = normalise(text)
        if key is None:
            self._problem(number, "holds an address that cannot be read.")
        else:
            card.addresses.setdefault(key, text)

    def _finish(self, card: _Card) -> None:
        if card.addresses:
            name = card.name or card.parts or card.organisation
            self._contacts.append(
                NewContact(" ".join(name.split()), tuple(card.addresses.values()))
            )

    def _problem(self, number: int, sentence: str) -> None:
        self._problems.append(f"line {number}: {sentence}")

    def result(self) -> VCardContacts:
        """All that was read."""
        if self._card is not None:
            self._problem(self._card.line, "begins a card that never ends.")
        if not self._cards and not self._problems:
            self._problem(1, "the file holds no vCard (BEGIN:VCARD).")
        return VCardContacts(tuple(self._contacts), tuple(self._problems))


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.replace("\0", "")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Whole lines with the number of their first piece (RFC 6350 3.2).

    Version 2.1 goes on after a line of quoted-printable that ends in `=`.
    """
    pieces: list[str] = []
    first, soft = 1, False
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if pieces and (soft or line[:1] in (" ", "\t")):
            pieces.append(line if soft else line[1:])
        else:
            if pieces:
                yield first, "".join(pieces)
            pieces, first = [line], number
        quoted = "QUOTED-PRINTABLE" in pieces[0][:200].upper()
        soft = quoted and line.endswith("=")
        if soft:
            pieces[-1] = pieces[-1][:-1]
    if pieces:
        yield first, "".join(pieces)


def _cut(rest: str) -> tuple[str, str]:
    """Parameters and value: cut at the first colon outside of quotation marks."""
    quoted = False
    for at, character in enumerate(rest[:MAX_VALUE]):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            return rest[:at].upper(), rest[at + 1 :]
    return rest[:MAX_VALUE].upper(), ""


def _plain(parameters: str, value: str) -> str:
    """The value without its transfer encoding (version 2.1)."""
    if "QUOTED-PRINTABLE" not in parameters or len(value) > MAX_VALUE:
        return value
    raw = quopri.decodestring(value.encode("latin-1", "replace"))
    charset = re.search(r"CHARSET=\"?([A-Z0-9_-]{1,40})", parameters)
    try:
        return raw.decode(charset[1] if charset else "utf-8")
    except (LookupError, UnicodeError, ValueError):
        return raw.decode("cp1252", "replace")


def _split(value: str, separator: str) -> list[str]:
    """Cut at a separator that no backslash stands before."""
    return re.split(rf"(?<!\\){separator}", value)


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()
