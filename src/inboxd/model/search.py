"""The query language of `messages --query` (P32): text in, typed terms out. Pure.

    offer "price list" invo*          all must occur; quotes make a phrase, a star a beginning
    -newsletter                       must not occur
    invoice OR bill                   one of them
    from:anna to:bob@x.example        people, by a word of the name or by the address
    subject:offer body:"best price"   in one part only
    label:Sales label:"Projects/*"    a label, or everything below it
    has:attachment larger:5m smaller:10k
    after:2025-01-31 before:2025-03 on:2025-02-14

A query that cannot be read is refused with the place and what to write instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from inboxd.model.errors import BadInput

MAX_CHARACTERS = 1_000
"""Of a query: longer ones are no question that a person asks."""

MAX_TERMS = 50
"""Each term is a look-up of its own in the index."""


MAX_SIZE = 2**62
"""Bytes: beyond any message, and still a number of SQLite's."""


class BadQuery(BadInput):
    """The query cannot be read; the text says where and what to write."""


class TextField(StrEnum):
    """Where words are looked for; the values are the index's columns."""

    ANY = ""
    SUBJECT = "subject"
    BODY = "body"
    PEOPLE = "people"


class PeopleField(StrEnum):
    """The header in which a person stands; the values are those of a stored message."""

    ANY = ""
    FROM = "from"
    TO = "to"
    CC = "cc"


@dataclass(frozen=True, slots=True)
class Text:
    """Words next to each other in this order."""

    words: str
    """One or more words, as written; never empty, and with a letter or digit."""
    prefix: bool = False
    """The last word may go on."""
    field: TextField = TextField.ANY
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of several texts."""

    texts: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody by a part of name or address."""

    words: str
    header: PeopleField
    negated: bool = False
    prefix: bool = False
    """The last word may go on."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label; `Name/*` is everything below it (P8)."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class HasAttachment:
    """At least one attachment."""

    negated: bool = False


@dataclass(frozen=True, slots=True)
class Dated:
    """Received within days, in UTC: from `first` on, before `end`."""

    first: date | None
    end: date | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sized:
    """At least, or less than, so many bytes."""

    least: int = 0
    below: int | None = None
    negated: bool = False


Term = Text | Either | Person | Label | HasAttachment | Dated | Sized


@dataclass(frozen=True, slots=True)
class Search:
    """A query that was understood: every term must hold."""

    terms: tuple[Term, ...]


FIELDS = (
    "from",
    "to",
    "cc",
    "with",
    "subject",
    "body",
    "label",
    "has",
    "before",
    "after",
    "on",
    "larger",
    "smaller",
)
"""What can stand before a colon."""

_WITHOUT_STAR = frozenset({"has", "before", "after", "on", "larger", "smaller"})

_TOKEN = re.compile(
    r'(?P<minus>-?)(?:(?P<field>[A-Za-z]+):)?(?:"(?P<phrase>[^"]*)(?P<end>"?)|(?P<word>[^\s"]*))(?P<star>\*?)'
)
_WORDISH = re.compile(r"[^\W_]")
_DAY = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?\Z", re.ASCII)
_SIZE = re.compile(r"(\d{1,12})([kmg]?)b?\Z", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class _Token:
    """One piece of the query as written."""

    at: int
    """The number of its first character, from 1."""
    minus: bool
    field: str
    text: str
    quoted: bool
    star: bool


def parse_query(query: str) -> Search:
    """Read a query. Raises BadQuery."""
    if len(query) > MAX_CHARACTERS:
        raise BadQuery(f"The query is longer than {MAX_CHARACTERS:,} characters: shorten it.")
    tokens = list(_tokens(query))
    if len(tokens) > MAX_TERMS:
        raise BadQuery(f"The query has more than {MAX_TERMS} terms: shorten it.")
    terms = tuple(_terms(tokens))
    if not terms:
        raise BadQuery("The query is empty: send at least one word.")
    if all(getattr(term, "negated", False) for term in terms):
        raise BadQuery("The query only leaves out: add what is to be found.")
    return Search(terms)


def _tokens(query: str) -> Iterator[_Token]:
    at = 0
    while at < len(query):
        if query[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(query, at)
        if match is None or match.end() == at:
            raise BadQuery(f"Character {at + 1} cannot be read: remove it.")
        if match["phrase"] is not None and not match["end"]:
            place = match.start("phrase")
            raise BadQuery(f'The quote at character {place} is not closed: add a " at its end.')
        yield _token(match, at)
        at = match.end()


def _token(match: re.Match[str], at: int) -> _Token:
    field = (match["field"] or "").lower()
    quoted = match["phrase"] is not None
    text = match["phrase"] if quoted else match["word"]
    star = bool(match["star"])
    if not quoted and text.endswith("*"):
        text, star = text.rstrip("*"), True
    if field and field not in FIELDS:
        near = difflib.get_close_matches(field, FIELDS, n=1, cutoff=0.7)
        if near:
            raise BadQuery(
                f"There is no field {field}: at character {at + 1}: did you mean {near[0]}: ?"
            )
        # Times and addresses of the web have colons too: 10:30, https://example.org.
        text, field = f"{match['field']}:{text}", ""
    if not quoted and (text.startswith("(") or text.endswith(")")):
        raise BadQuery(
            f"Brackets (character {at + 1}) are not offered: write the words side by side, with "
            "OR between two of them, or in quotes."
        )
    return _Token(at + 1, bool(match["minus"]), field, text, quoted, star)


def _terms(tokens: list[_Token]) -> Iterator[Term]:
    """The terms, with neighbours of an OR joined."""
    waiting: list[Term] = []
    joining: _Token | None = None
    for token in tokens:
        if token.text == "OR" and not (token.quoted or token.field or token.minus):
            if not waiting or joining is not None:
                raise BadQuery(f"OR at character {token.at} needs a word on both sides.")
            joining = token
            continue
        term = _term(token)
        if term is None:
            continue
        if joining is not None:
            waiting[-1] = _joined(waiting[-1], term, joining)
            joining = None
        else:
            waiting.append(term)
    if joining is not None:
        raise BadQuery(f"OR at character {joining.at} needs a word on both sides.")
    yield from waiting


def _joined(left: Term, right: Term, between: _Token) -> Either:
    texts = left.texts if isinstance(left, Either) else (left,)
    both = [*texts, right]
    if not all(isinstance(one, Text) and not one.negated for one in both):
        raise BadQuery(
            f"OR at character {between.at} joins words and phrases only: ask for people, labels "
            "and dates one after the other."
        )
    return Either(tuple(one for one in both if isinstance(one, Text)))


def _term(token: _Token) -> Term | None:
    if token.star and token.field in _WITHOUT_STAR:
        raise BadQuery(f"{token.field}: at character {token.at} takes no star: remove it.")
    match token.field:
        case "":
            return _text(token, TextField.ANY)
        case "subject":
            return _text(_needed(token), TextField.SUBJECT)
        case "body":
            return _text(_needed(token), TextField.BODY)
        case "from" | "to" | "cc" | "with":
            return _person(_needed(token))
        case "label":
            name = token.text + ("*" if token.star else "")
            return Label(_needed(replace(token, text=name)).text, token.minus)
        case "has":
            if token.text.lower() not in ("attachment", "attachments"):
                raise BadQuery(f"has: at character {token.at} knows attachment only.")
            return HasAttachment(token.minus)
        case "larger" | "smaller":
            return _sized(token)
        case _:
            return _dated(token)


def _needed(token: _Token) -> _Token:
    if not token.text.strip():
        raise BadQuery(f"{token.field}: at character {token.at} says nothing: write what follows.")
    return token


def _text(token: _Token, field: TextField) -> Text | None:
    if not _WORDISH.search(token.text):
        # Punctuation is in no index: alone it is left out, as it is inside of a phrase.
        if token.field:
            raise BadQuery(f"{token.field}: at character {token.at} needs a letter or digit.")
        return None
    return Text(token.text.replace("\0", " "), token.star, field, token.minus)


def _person(token: _Token) -> Person:
    if not _WORDISH.search(token.text):
        raise BadQuery(f"{token.field}: at character {token.at} needs a letter or digit.")
    header = PeopleField.ANY if token.field == "with" else PeopleField(token.field)
    return Person(token.text.replace("\0", " "), header, token.minus, token.star)


def _sized(token: _Token) -> Sized:
    match = _SIZE.match(token.text)
    if match is None:
        raise BadQuery(
            f"{token.field}: at character {token.at} needs a size: 500k, 5m, 1g, or bytes."
        )
    size = min(int(match[1]) * _UNITS[match[2].lower()], MAX_SIZE)
    if token.field == "larger":
        return Sized(least=size + 1, negated=token.minus)
    return Sized(below=size, negated=token.minus)


def _dated(token: _Token) -> Dated:
    first, end = _period(token)
    if token.field == "before":
        return Dated(None, first, token.minus)
    if token.field == "after":
        return Dated(first, None, token.minus)
    return Dated(first, end, token.minus)


def _period(token: _Token) -> tuple[date, date]:
    """The first day of what is named, and the day behind its last."""
    match = _DAY.match(token.text)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        first = date(year, month, day)
        if match and match[3]:
            return first, first + timedelta(days=1)
        if match and match[2]:
            return first, date(year + month // 12, month % 12 + 1, 1)
        return first, date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        raise BadQuery(
            f"{token.field}: at character {token.at} needs a day as 2025-01-31, a month as "
            "2025-01, or a year."
        ) from None


# --- for the index -------------------------------------------------------------------------------


def fts_expression(search: Search) -> str | None:
    """The FTS5 expression of what must occur; None where no text is asked for.

    Each word is quoted, so that no query can hold FTS5 syntax.
    """
    parts: list[str] = []
    for term in search.terms:
        if isinstance(term, Text) and not term.negated:
            parts.append(_phrase(term))
        elif isinstance(term, Either):
            parts.append("(" + " OR ".join(_phrase(one) for one in term.texts) + ")")
        elif isinstance(term, Person) and not term.negated:
            parts.append(people_expression(term))
    return " AND ".join(parts) or None


def fts_exclusions(search: Search) -> tuple[str, ...]:
    """FTS5 expressions of what must not occur; FTS5 has no NOT without something before it."""
    return tuple(_phrase(term) for term in search.terms if isinstance(term, Text) and term.negated)


def people_expression(person: Person) -> str:
    """The FTS5 expression of somebody, in whichever header field."""
    return _phrase(Text(person.words, person.prefix, TextField.PEOPLE))


def _phrase(text: Text) -> str:
    quoted = '"' + text.words.replace('"', '""') + '"' + (" *" if text.prefix else "")
    return quoted if text.field is TextField.ANY else f"{{{text.field}}} : {quoted}"
