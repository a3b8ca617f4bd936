"""The query language: what is understood, and what is refused with its place (P32)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.model.search import (
    FIELDS,
    BadQuery,
    Dated,
    Either,
    HasAttachment,
    Label,
    PeopleField,
    Person,
    Sized,
    Term,
    Text,
    TextField,
    fts_exclusions,
    fts_expression,
    parse_query,
)


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("offer", (Text("offer"),)),
        ("invo*", (Text("invo", prefix=True),)),
        ('"price list"*', (Text("price list", prefix=True),)),
        ("a -b", (Text("a"), Text("b", negated=True))),
        ("a OR b OR c", (Either((Text("a"), Text("b"), Text("c"))),)),
        ("10:30 https://x.example/a?b=c", (Text("10:30"), Text("https://x.example/a?b=c"))),
        ("FROM:anna", (Person("anna", PeopleField.FROM),)),
        ('with:"Anna B"', (Person("Anna B", PeopleField.ANY),)),
        ("subject:offer*", (Text("offer", prefix=True, field=TextField.SUBJECT),)),
        ('label:"Gro\u00dfkunden & Co"', (Label("Gro\u00dfkunden & Co"),)),
        ("label:Projects/*", (Label("Projects/*"),)),
        ("has:attachment", (HasAttachment(),)),
        ("a -has:attachment", (Text("a"), HasAttachment(negated=True))),
        ("before:2025-02", (Dated(None, date(2025, 2, 1)),)),
        ("after:2025-02-03", (Dated(date(2025, 2, 3), None),)),
        ("on:2024-02", (Dated(date(2024, 2, 1), date(2024, 3, 1)),)),
        ("on:2024", (Dated(date(2024, 1, 1), date(2025, 1, 1)),)),
        ("larger:5m", (Sized(least=5_000_001),)),
        ("smaller:10K", (Sized(below=10_000),)),
        ("smaller:999999999999g", (Sized(below=2**62),)),
        ("from:ann*", (Person("ann", PeopleField.FROM, prefix=True),)),
        ("a ... b", (Text("a"), Text("b"))),
    ],
)
def test_a_query_is_understood(query: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(query).terms == terms


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "is empty"),
        (" ... ", "is empty"),
        ("-a -b", "only leaves out"),
        ('one "two', "quote at character 5 is not closed"),
        ("frm:anna", "at character 1: did you mean from:"),
        ("a OR", "OR at character 3 needs a word"),
        ("OR a", "OR at character 1 needs a word"),
        ("a OR OR b", "OR at character 6"),
        ("a OR from:b", "joins words and phrases only"),
        ("a (b)", r"Brackets \(character 3\)"),
        ("before:yesterday", "before: at character 1 needs a day as 2025-01-31"),
        ("on:2025-02-30", "needs a day"),
        ("larger:much", "needs a size"),
        ("has:wings", "knows attachment only"),
        ("subject:(offer OR bill)", r"Brackets \(character 1\)"),
        ("on:2025*", "on: at character 1 takes no star"),
        ("x from:", "from: at character 3 says nothing"),
        ("subject:!!!", "needs a letter or digit"),
        ("x" * 1_001, "longer than 1,000 characters"),
        ("x " * 51, "more than 50 terms"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(query: str, sentence: str) -> None:
    with pytest.raises(BadQuery, match=sentence):
        parse_query(query)


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE t USING fts5(subject, people, body, "
            "tokenize='unicode61 remove_diacritics 2')"
        )
        connection.execute(
            "INSERT INTO t VALUES ('Offer', 'Anna anna@x.example', 'The price list, caf\u00e9')"
        )
        yield connection


_PIECE = st.one_of(
    st.text(max_size=12),
    st.sampled_from([f"{field}:x" for field in FIELDS]),
    st.sampled_from(['"a b"', "OR", "-x", "y*", '"', "NEAR(", "{a} :", "AND", "NOT", "^x"]),
)


@given(st.lists(_PIECE, max_size=6).map(" ".join))
def test_whatever_is_accepted_is_a_question_that_the_index_can_answer(
    index: sqlite3.Connection, query: str
) -> None:
    """P32: no query holds syntax of the index."""
    try:
        search = parse_query(query)
    except BadQuery:
        return
    for expression in (fts_expression(search), *fts_exclusions(search)):
        if expression is not None:
            index.execute("SELECT 1 FROM t WHERE t MATCH ?", [expression]).fetchall()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("cafe", 1),
        ('"price list"', 1),
        ('"list price"', 0),
        ("pri* offer", 1),
        ("subject:price", 0),
        ("from:anna@x.example", 1),
        ("nothing OR offer", 1),
    ],
)
def test_the_index_finds_what_is_asked_for(
    index: sqlite3.Connection, query: str, found: int
) -> None:
    expression = fts_expression(parse_query(query))
    rows = index.execute("SELECT 1 FROM t WHERE t MATCH ?", [expression]).fetchall()
    assert len(rows) == found
