"""Responses become values, in whatever order and spelling servers send them (T27)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.imap.responses import (
    EPOCH,
    Response,
    Status,
    fetch_items,
    item_body,
    item_date,
    item_number,
    item_uid,
    parse_esearch,
    parse_folder_status,
    parse_list,
    parse_search,
    parse_status,
    parse_values,
)
from inboxd.model.errors import ProtocolViolated
from inboxd.model.ids import Uid, UidValidity
from inboxd.model.server import FolderStatus, SpecialUse, UidSet


def items_of(*parts: bytes) -> dict[bytes, object]:
    items = fetch_items(Response(parts))
    assert items is not None
    return dict(items)


@pytest.mark.parametrize(
    "text",
    [
        b'12 FETCH (UID 7 RFC822.SIZE 4213 INTERNALDATE "17-Jul-2024 02:44:25 -0700")',
        b'12 FETCH (INTERNALDATE "17-Jul-2024 02:44:25 -0700" RFC822.SIZE 4213 UID 7)',
        b'12 FETCH (FLAGS () RFC822.SIZE 4213 INTERNALDATE "17-Jul-2024 02:44:25 -0700" UID 7)',
        b'12 FETCH (MODSEQ (9) RFC822.SIZE 4213 INTERNALDATE "17-Jul-2024 02:44:25 -0700" UID 7)',
        b'12 FETCH (uid 7 rfc822.size 4213 internaldate "17-Jul-2024 02:44:25 -0700")',
    ],
)
def test_metadata_in_any_order_and_company(text: bytes) -> None:
    items = fetch_items(Response((text,)))
    assert items is not None
    assert item_uid(items) == 7
    assert item_number(items, b"RFC822.SIZE") == 4213
    assert item_date(items) == datetime(2024, 7, 17, 9, 44, 25, tzinfo=UTC)


def test_a_body_is_taken_as_it_is_and_its_neighbours_too() -> None:
    body = b'"(\\ ) {12}'
    items = fetch_items(Response((b"1 FETCH (BODY[] ", body, b" UID 9)")))
    assert items is not None
    assert item_body(items, b"BODY[]") == body
    assert item_uid(items) == 9


def test_a_section_with_spaces_is_one_name() -> None:
    items = fetch_items(
        Response((b"1 FETCH (UID 9 BODY[HEADER.FIELDS (FROM TO)] ", b"From: a\r\n\r\n", b")"))
    )
    assert items is not None
    assert item_body(items, b"BODY[HEADER.FIELDS") == b"From: a\r\n\r\n"


@pytest.mark.parametrize("text", [b"1 FETCH (UID 9 BODY[] NIL)", b"1 FETCH (UID 9)"])
def test_no_body_is_none_and_not_an_empty_one(text: bytes) -> None:
    items = fetch_items(Response((text,)))
    assert items is not None
    assert item_body(items, b"BODY[]") is None


def test_an_empty_body_is_a_body() -> None:
    assert item_body({b"BODY[]": b""}, b"BODY[]") == b""


def test_the_first_of_two_equal_items_counts() -> None:
    assert items_of(b"1 FETCH (UID 9 X-A one X-A two)")[b"X-A"] == b"one"


@pytest.mark.parametrize(
    "value",
    [b"31-Feb-2024 00:00:00 +0000", b"1-Foo-2024 00:00:00 +0000", b"", b"99", b"x" * 999],
)
def test_a_date_that_is_none_has_a_value_all_the_same(value: bytes) -> None:
    assert item_date({b"INTERNALDATE": value}) == EPOCH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"OK done", Status("OK", None, "", "done")),
        (b"ok", Status("OK", None, "", "")),
        (b"NO [AUTHENTICATIONFAILED] no", Status("NO", "AUTHENTICATIONFAILED", "", "no")),
        (b"OK [UIDNEXT 42] next", Status("OK", "UIDNEXT", "42", "next")),
        (b"BYE", Status("BYE", None, "", "")),
        (b"OK [broken bracket", Status("OK", None, "", "[broken bracket")),
    ],
)
def test_statuses(text: bytes, expected: Status) -> None:
    assert parse_status(text) == expected


@pytest.mark.parametrize("text", [b"OKAY", b"5 EXISTS", b"", b"FLAGS ()"])
def test_what_is_no_status(text: bytes) -> None:
    assert parse_status(text) is None


@pytest.mark.parametrize(
    ("parts", "name", "use", "selectable"),
    [
        ((b'LIST (\\HasNoChildren \\Sent) "/" "Gesendete Objekte"',), "Gesendete Objekte",
         SpecialUse.SENT, True),
        ((b'LIST () "/" inbox',), "INBOX", SpecialUse.INBOX, True),
        ((b'LIST (\\Noselect) "/" ', b"a b", b""), "a b", None, False),
        ((b"LIST () NIL Entw&APw-rfe",), "Entwürfe", SpecialUse.DRAFTS, True),
        ((b'LIST () "." "we\\"ird"',), 'we"ird', None, True),
        ((b'LIST (\\NonExistent) "/" x ("OLDNAME" ("y"))',), "x", None, False),
    ],
)  # fmt: skip
def test_listed_folders(
    parts: tuple[bytes, ...], name: str, use: SpecialUse | None, selectable: bool
) -> None:
    one = parse_list(Response(parts))
    assert one is not None
    assert (one.name, one.special_use, one.selectable) == (name, use, selectable)


def test_a_partial_status_is_completed_by_what_was_known() -> None:
    """RFC 5465 5: NOTIFY tells changes only."""
    known = FolderStatus(UidValidity(5), Uid(10), 9)
    partial = parse_folder_status(Response((b'STATUS "Sent" (UIDNEXT 11 MESSAGES 10)',)))
    assert partial is not None
    assert partial.over(known) == FolderStatus(UidValidity(5), Uid(11), 10)
    assert partial.over(None) is None


def test_a_new_generation_takes_nothing_over_from_the_old_one() -> None:
    known = FolderStatus(UidValidity(5), Uid(10), 9)
    partial = parse_folder_status(Response((b"STATUS Sent (UIDVALIDITY 6 UIDNEXT 1)",)))
    assert partial is not None
    assert partial.over(known) is None


def test_searches() -> None:
    found = UidSet(((1, 3), (9, 9)))
    assert parse_esearch(Response((b'ESEARCH (TAG "A1") UID ALL 1:3,9',))) == found
    assert parse_esearch(Response((b'ESEARCH (TAG "A1") UID',))) == UidSet()
    assert parse_search(Response((b"SEARCH 9 1 3 2",))) == found
    assert parse_search(Response((b"SEARCH",))) == UidSet()


@pytest.mark.parametrize("numbers", [b"1:2:3", b",", b"1,,2"])
def test_a_set_that_is_none_is_a_violation(numbers: bytes) -> None:
    with pytest.raises(ProtocolViolated):
        parse_esearch(Response((b"ESEARCH UID ALL " + numbers,)))


def test_a_response_that_nests_without_end_is_refused() -> None:
    with pytest.raises(ProtocolViolated):
        parse_values((b"(" * 10_000,))


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5).filter(lambda p: len(p) % 2 == 1))
def test_parsers_refuse_or_read_and_never_break(parts: list[bytes]) -> None:
    response = Response(tuple(parts))
    for parser in (fetch_items, parse_list, parse_folder_status, parse_esearch, parse_search):
        try:
            parser(response)
        except ProtocolViolated:
            continue
