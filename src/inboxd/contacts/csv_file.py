"""Contacts out of a CSV file as spreadsheets and address books export it (P24). Pure.

Encoding, delimiter and columns are recognised; a line that cannot be used is named and the rest
is taken. Nothing is written anywhere.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from inboxd.model.addresses import normalise
from inboxd.model.contacts import NewContact
from inboxd.model.ids import AddressKey

MAX_BYTES = 64 * 1024 * 1024
"""About a million contacts."""

MAX_FIELD = 100_000
"""Characters of one field; notes fields reach some thousands, a lost quotation mark reaches on."""

MAX_NAME = 500
MAX_PROBLEMS = 1_000
"""Named one by one; what is beyond is only counted."""

_DELIMITERS = (",", ";", "\t")
_ADDRESS_SEPARATORS = re.compile(r"[;,|\s]+|:::")
_ANGLE = re.compile(r"([^<>]*)<([^<>]+)>")

_FULL_NAMES = frozenset(
    {
        *("name", "fullname", "displayname", "contactname", "person", "personname", "contact"),
        *("anzeigename", "vollstandigername", "kontakt", "nomcomplet", "nombrecompleto"),
        *(
            "nomecompleto",
            "nomecompleto",
            "naam",
            "volledigenaam",
            "fileas",
            "namn",
            "navn",
            "nimi",
        ),
        *("имя", "фио", "имяифамилия", "氏名", "姓名", "名前", "nazwa", "imieinazwisko", "jmeno"),
    }
)
_FIRST_NAMES = frozenset(
    {
        *("firstname", "givenname", "first", "forename", "vorname", "prenom", "nombre", "nome"),
        *("voornaam", "fornavn", "fornamn", "etunimi", "imie", "krestnijmeno", "keresztnev", "名"),
    }
)
_LAST_NAMES = frozenset(
    {
        *(
            "lastname",
            "familyname",
            "surname",
            "last",
            "nachname",
            "familienname",
            "zuname",
            "nom",
        ),
        *(
            "nomdefamille",
            "apellido",
            "apellidos",
            "cognome",
            "sobrenome",
            "apelido",
            "achternaam",
        ),
        *(
            "efternavn",
            "etternavn",
            "efternamn",
            "sukunimi",
            "nazwisko",
            "prijmeni",
            "фамилия",
            "姓",
        ),
    }
)
_ADDRESS = re.compile(
    r"(?:(?:primary|secondary|other|work|home|business|private|main|person|contact|my)?"
    r"(?:email|mail|correo(?:electronico)?|courriel|epost|sahkoposti|posta(?:elettronica)?"
    r"|электроннаяпочта|почта|メール|メールアドレス|电子邮件|电邮|邮箱)"
    r"(?:address(?:es)?|adresse[ns]?|adres|adress|indirizzo|value|s|\d|work|home|other|private"
    r"|primary|personal|geschaftlich|privat|osoite)*)\Z"
)
_NOT_AN_ADDRESS = re.compile(r"type|label|typ$|displayname|anzeigename|status|optin|count")


@dataclass(frozen=True, slots=True)
class CsvContacts:
    """What a file holds."""

    contacts: tuple[NewContact, ...]
    problems: tuple[str, ...]
    """Each as `line N: sentence`, N from 1; never with what stands in the line."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a line the name and the addresses stand."""

    full: int | None
    first: int | None
    last: int | None
    addresses: tuple[int, ...]


def read(data: bytes) -> CsvContacts:
    """Read a CSV file: UTF-8, UTF-16 or Windows-1252; separated by comma, semicolon or tab.

    The first line may name the columns, in one of several languages; without such a line the
    columns are told by what stands in them. Never raises: a file that is no CSV is a problem.
    """
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        return CsvContacts((), (f"line 1: the file is larger than {limit} MiB: split it.",))
    text = _decoded(data)
    if not text.strip():
        return CsvContacts((), ("line 1: the file is empty.",))
    return _Reader(text).read()


class _Reader:
    """One pass over the lines of one file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._contacts: list[NewContact] = []
        self._problems: list[str] = []
        self._unnamed = 0
        self._first_unnamed = 0
        self._delimiter = ""

    def read(self) -> CsvContacts:
        columns: _Columns | None = None
        for number, row in self._rows():
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _named_columns(row)
                if columns is not None:
                    continue
                columns = _guessed_columns(row)
                if columns is None:
                    self._problem(number, "no column holds e-mail addresses: name one E-mail.")
                    break
            self._take(number, row, columns)
        if self._unnamed:
            self._problems.append(
                f"line {self._first_unnamed}: from here on {self._unnamed} more lines "
                "cannot be used."
            )
        return CsvContacts(tuple(self._contacts), tuple(self._problems))

    def _problem(self, number: int, sentence: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(f"line {number}: {sentence}")
        else:
            self._first_unnamed = self._first_unnamed or number
            self._unnamed += 1

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the number of its first line."""
        for number, record in _records(self._text):
            if len(record) > MAX_FIELD:
                self._problem(
                    number,
                    f"longer than {MAX_FIELD:,} characters: is a quotation mark missing?",
                )
                continue
            # The one that the first line has most of decides for the file.
            self._delimiter = self._delimiter or max(_DELIMITERS, key=_unquoted(record).count)
            try:
                fields = csv.reader(io.StringIO(record), delimiter=self._delimiter)
                yield number, next(fields, [])
            except csv.Error:
                self._problem(number, "cannot be split into fields.")

    def _take(self, number: int, row: list[str], columns: _Columns) -> None:
        written = [address for at in columns.addresses for address in _split(_cell(row, at))]
        keys: dict[AddressKey, str] = {}
        unreadable = 0
        inner_name = ""
        for name, address in written:
            key = normalise(address)
            if key is None:
                unreadable += 1
            else:
                keys.setdefault(key, address.strip())
                inner_name = inner_name or name
        if unreadable:
            self._problem(number, "an e-mail address cannot be read.")
        if keys:
            name = _name(row, columns) or inner_name
            self._contacts.append(NewContact(name[:MAX_NAME], tuple(keys.values())))
        elif not unreadable:
            self._problem(number, "there is no e-mail address.")


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif data[:2_000].count(0) > len(data[:2_000]) // 4:
        # UTF-16 without its mark: every second byte of Western text is NUL.
        text = data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def _records(text: str) -> Iterator[tuple[int, str]]:
    """Records with their first line's number; a line end inside quotation marks ends none.

    csv.reader would do it, but one quotation mark too many makes the rest of the file one field;
    here a record that grows beyond MAX_FIELD ends at its first line, and the next line is a new
    beginning.
    """
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        end, length, marks = at, 0, 0
        while end < len(lines):
            length += len(lines[end]) + 1
            marks += lines[end].count('"')
            if marks % 2 == 0 or length > MAX_FIELD:
                break
            end += 1
        if marks % 2 and at < len(lines):
            end = at
        yield at + 1, "\n".join(lines[at : end + 1])
        at = end + 1


def _unquoted(record: str) -> str:
    return "".join(record.split('"')[::2])


def _folded(heading: str) -> str:
    """A heading without case, accents, blanks and punctuation: `E-Mail 1 - Value` is emailvalue1.

    Digits stay where they are.
    """
    plain = unicodedata.normalize("NFKD", heading[:100].replace("ß", "ss")).casefold()
    return "".join(character for character in plain if character.isalnum())


def _named_columns(row: list[str]) -> _Columns | None:
    """The columns as a heading line names them; None where the line is no heading."""
    if any("@" in cell for cell in row):
        return None
    names = [_folded(cell) for cell in row]
    addresses = tuple(
        at
        for at, name in enumerate(names)
        if _ADDRESS.match(name) and not _NOT_AN_ADDRESS.search(name)
    )
    if not addresses:
        return None
    full, first, last = (
        next((at for at, name in enumerate(names) if name in known), None)
        for known in (_FULL_NAMES, _FIRST_NAMES, _LAST_NAMES)
    )
    return _Columns(full, first, last, addresses)


def _guessed_columns(row: list[str]) -> _Columns | None:
    """The columns of a file without a heading, told by its first line."""
    addresses = tuple(
        at
        for at, cell in enumerate(row)
        if any(normalise(address) is not None for _, address in _split(cell))
    )
    if not addresses:
        return None
    name = next(
        (at for at, cell in enumerate(row) if at not in addresses and _looks_like_a_name(cell)),
        None,
    )
    return _Columns(name, None, None, addresses)


def _looks_like_a_name(cell: str) -> bool:
    letters = sum(character.isalpha() for character in cell)
    return letters >= 2 and letters * 2 > len(cell.strip())


def _cell(row: list[str], at: int | None) -> str:
    return row[at].strip() if at is not None and at < len(row) else ""


def _name(row: list[str], columns: _Columns) -> str:
    full = _cell(row, columns.full)
    parts = (_cell(row, columns.first), _cell(row, columns.last))
    name = full or " ".join(part for part in parts if part)
    return " ".join(name.split())


def _split(cell: str) -> list[tuple[str, str]]:
    """The addresses of one field with the names they carry; several may stand in one."""
    cell = cell.strip()
    if not cell:
        return []
    if normalise(cell) is not None:
        return [("", cell)]
    angles = _ANGLE.findall(cell)
    if angles:
        return [(name.strip(" \t\"',;"), address) for name, address in angles]
    found = (one.strip("'\"()") for one in _ADDRESS_SEPARATORS.split(cell))
    return [("", one.removeprefix("mailto:")) for one in found if one]
