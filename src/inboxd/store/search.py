"""Searching the stored mail: what SQLite's full-text index is asked, and what else must hold.

The one file that knows the index: another database would replace it.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    column,
    exists,
    func,
    not_,
    or_,
    select,
    table,
    text,
)

from inboxd.model.search import (
    Dated,
    HasAttachment,
    Label,
    PeopleField,
    Person,
    Search,
    Sized,
    Term,
    fts_exclusions,
    fts_expression,
    people_expression,
)
from inboxd.store import tables

_BEGIN, _END = "\x02", "\x03"
"""Marks that no stored text holds: control characters are taken out of it."""

MATCH_WORDS = 24
"""Words around what was found, as many as two lines show."""

_INDEX = table("message_fts", column("rowid"), column("message_fts"))

_MARKED = text(
    "SELECT rowid, snippet(message_fts, -1, :begin, :end, '…', :words) FROM message_fts "
    "WHERE message_fts MATCH :words_found AND rowid IN :messages"
).bindparams(bindparam("messages", expanding=True))


def conditions(search: Search) -> list[ColumnElement[bool]]:
    """What must hold of a row of `message`."""
    found: list[ColumnElement[bool]] = []
    wanted = fts_expression(search)
    if wanted is not None:
        found.append(_matching(wanted))
    found += (not_(_matching(unwanted)) for unwanted in fts_exclusions(search))
    for term in search.terms:
        condition = _condition(term)
        if condition is not None:
            negated = getattr(term, "negated", False)
            found.append(not_(condition) if negated else condition)
    return found


def marked(connection: Connection, search: Search, messages: Sequence[int]) -> dict[int, str]:
    """Where each of the messages matched: HTML-escaped, the words found in `<mark>`."""
    wanted = fts_expression(search)
    if wanted is None or not messages:
        return {}
    values = {
        "begin": _BEGIN,
        "end": _END,
        "words": MATCH_WORDS,
        "words_found": wanted,
        "messages": list(messages),
    }
    rows = connection.execute(_MARKED, values).all()
    return {row[0]: _as_html(row[1]) for row in rows}


def folded(value: str | None) -> str:
    """Without case and accents, as the index folds them; a function of SQL for readers."""
    decomposed = unicodedata.normalize("NFKD", value or "")
    return "".join(one for one in decomposed if not unicodedata.combining(one)).casefold()


def _as_html(snippet: str) -> str:
    escaped = html.escape(" ".join(snippet.split()))
    return escaped.replace(_BEGIN, "<mark>").replace(_END, "</mark>")


def _matching(expression: str) -> ColumnElement[bool]:
    """What the index finds; its column of its own name stands for all of its columns."""
    found = select(_INDEX.c.rowid).where(_INDEX.c.message_fts.op("MATCH")(expression))
    return tables.message.c.id.in_(found)


def _condition(term: Term) -> ColumnElement[bool] | None:
    table = tables.message
    match term:
        case Person():
            return _person(term)
        case Label():
            return under_label(term.name)
        case HasAttachment():
            return table.c.attachments > 0
        case Dated():
            return _dated(term)
        case Sized():
            above = table.c.size >= term.least
            return above if term.below is None else and_(above, table.c.size < term.below)
        case _:
            # Words are the index's to find.
            return None


def _person(term: Person) -> ColumnElement[bool] | None:
    parts: list[ColumnElement[bool]] = []
    if term.negated:
        # What is not negated is part of the one expression that the index is asked for first.
        parts.append(_matching(people_expression(term)))
    if term.header is not PeopleField.ANY:
        # The index has all people of a message in one column: it finds the few, this narrows them.
        people = func.json_extract(tables.message.c.people, f"$.{term.header}")
        parts.append(func.instr(func.folded(people), folded(term.words)) > 0)
    return and_(*parts) if parts else None


def _dated(term: Dated) -> ColumnElement[bool]:
    received = tables.message.c.internal_date
    parts = []
    if term.first is not None:
        parts.append(received >= _midnight(term.first))
    if term.end is not None:
        parts.append(received < _midnight(term.end))
    return and_(*parts)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def under_label(label: str) -> ColumnElement[bool]:
    """Whether a message lies under a label; `Name/*` is everything below it (P8)."""
    placed, folder, carried = tables.ledger, tables.folder, tables.message_label

    def named(name: ColumnElement[str]) -> ColumnElement[bool]:
        if len(label) > 2 and label.endswith("*") and not label[-2].isalnum():
            return name.startswith(label[:-1], autoescape=True)
        return name == label

    lies_there = exists().where(
        placed.c.message_id == tables.message.c.id,
        placed.c.gone_at.is_(None),
        folder.c.id == placed.c.folder_id,
        named(folder.c.name),
    )
    carries_it = exists().where(carried.c.message_id == tables.message.c.id, named(carried.c.name))
    return or_(lies_there, carries_it)
