"""P6: whether a message is a contact's is decided on six header fields alone."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import formataddr, getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inboxd.mime.parse import parse
from inboxd.mime.people import headers_people
from inboxd.model.addresses import normalise

ANN = "ann@example.com"
BOB = "bob@example.com"


@pytest.mark.parametrize("name", ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "FROM", "cc "])
def test_each_of_the_six_fields_counts(name: str) -> None:
    assert headers_people(f"{name}: Ann <{ANN}>\r\n\r\n".encode()) == (ANN,)


@pytest.mark.parametrize(
    "name", ["Subject", "Return-Path", "X-To", "Resent-To", "Received", "To2"]
)
def test_no_other_field_counts(name: str) -> None:
    assert headers_people(f"{name}: Ann <{ANN}>\r\n\r\n".encode()) == ()


@pytest.mark.parametrize(
    ("field", "people"),
    [
        (b"ann@example.com", [ANN]),
        (b"Ann Lee <ANN@Example.COM>", [ANN]),
        (b'"Lee, Ann" <ann@example.com>, Bob <bob@example.com>', [ANN, BOB]),
        (b"ann@example.com (Ann (of Bob) Lee)", [ANN]),
        (b"team: ann@example.com, Bob <bob@example.com>;", [ANN, BOB]),
        (b"undisclosed-recipients:;", []),
        (b"=?utf-8?q?Lee=2C_Ann?= <ann@example.com>", [ANN]),
        (b"=?utf-8?q?Ann, Lee?= <ann@example.com>", [ANN]),
        (b"<@relay.example,@other.example:ann@example.com>", [ANN]),
        (b'"ann"@example.com', [ANN]),
        (b'"Ann Lee"@example.com', ['"ann lee"@example.com']),
        (b"Ann(her name) <ann(account)@example.com(host)>", [ANN]),
        (b"ann @ example . com", [ANN]),
        (b"Ann <ann@example.com>,\r\n\tBob <bob@example.com>", [ANN, BOB]),
        (b", ,ann@example.com,,", [ANN]),
        (b"ann+crm@example.com", ["ann+crm@example.com"]),
        ("Jürgen <jürgen@bücher.example>".encode(), ["jürgen@xn--bcher-kva.example"]),
        (b"J\xfcrgen <ann@example.com>", [ANN]),
    ],
)
def test_well_written_fields_give_exactly_their_mailboxes(field: bytes, people: list[str]) -> None:
    assert list(headers_people(b"To: " + field + b"\r\n\r\n")) == people


@pytest.mark.parametrize(
    "field",
    [
        b'"bob@example.com" <ann@example.com>',
        b"ann@example.com (not bob@example.com)",
        b"=?utf-8?q?bob=40example=2Ecom?= <ann@example.com>",
    ],
)
def test_an_address_in_a_name_or_a_comment_is_nobodys_mailbox(field: bytes) -> None:
    """Of other people's messages nothing may be stored, and anybody can write a name."""
    assert headers_people(b"From: " + field + b"\r\n\r\n") == (ANN,)


@pytest.mark.parametrize(
    "field",
    [
        b"ann@example.com; bob@example.com",
        b"ann@example.com bob@example.com",
        b"ann@example.com <bob@example.com>",
        b'"Ann <ann@example.com>, Bob <bob@example.com>',
        b"Ann (unclosed <ann@example.com>, bob@example.com",
        b"Ann <ann@example.com, bob@example.com>",
        b"Ann <ann@example.com>, Bob <bob@example.com",
        b"Ann <<ann@example.com>> Bob <bob@example.com>",
        b"Ann <mailto:ann@example.com>, 'bob@example.com'",
        b"=?utf-8?q?Ann_=3Cann=40example=2Ecom=3E=2C_bob=40example=2Ecom?=",
        b"ann@example.com,\r\nbob@example.com",
        b"[ann@example.com] | bob@example.com",
        b"Ann: ann@example.com: bob@example.com",
    ],
)
def test_badly_written_fields_give_everybody_who_could_be_meant(field: bytes) -> None:
    assert set(headers_people(b"Cc: " + field + b"\r\n\r\n")) >= {ANN, BOB}


def test_fields_that_stand_there_twice_all_count() -> None:
    header = b"To: ann@example.com\r\nTo: bob@example.com\r\nFrom: ann@example.com\r\n\r\n"
    assert headers_people(header) == (ANN, BOB)


def test_a_header_without_its_empty_line_is_read_to_its_end() -> None:
    assert headers_people(b"From: ann@example.com\nTo: bob@example.com") == (ANN, BOB)


def test_30_000_recipients_are_all_found() -> None:
    many = b", ".join(b"p%d@example.com" % number for number in range(30_000))
    assert len(headers_people(b"To: " + many + b"\r\n\r\n")) == 30_000


ADDRESSES = st.from_regex(r"[a-z][a-z0-9._+-]{0,10}@[a-z0-9]{1,10}\.[a-z]{2,4}", fullmatch=True)
NAMES = st.text(st.characters(blacklist_categories=["C", "Zl", "Zp"]), max_size=15)


@given(st.lists(st.tuples(NAMES, ADDRESSES), min_size=1, max_size=5))
def test_what_the_standard_library_writes_is_found(people: list[tuple[str, str]]) -> None:
    field = ", ".join(formataddr(one) for one in people)
    found = headers_people(b"To: " + field.encode() + b"\r\n\r\n")
    assert set(found) == {address.lower() for _, address in people}
    assert [one.address for one in parse(b"To: " + field.encode() + b"\r\n\r\n").to] == [
        address for _, address in people
    ]


PIECES = st.lists(
    st.sampled_from(
        ["a@b.c", "d@e.f", "<", ">", '"', "(", ")", ",", ";", ":", " ", "\\", "@", ".", "x", "=?"]
    ),
    max_size=12,
).map("".join)


@example("<a@b.ca@b.ca@b.c")
@example("a@b.c x")
@given(PIECES)
def test_nobody_whom_the_standard_library_finds_is_missed(field: str) -> None:
    found = set(headers_people(b"To: " + field.encode() + b"\r\n\r\n"))
    # Of `a@b.c x` it makes a@b.cx: only what is written in one piece was meant.
    theirs = {
        key
        for _, address in getaddresses([field])
        if (key := normalise(address)) is not None and key in field
    }
    names = set(field.replace("(", '"').split('"')[1::2])
    hidden = {key for key in theirs if any(key in name for name in names)}
    assert found >= theirs - hidden


@given(st.binary(max_size=300))
def test_whatever_the_bytes_only_normal_forms_come_out(header: bytes) -> None:
    for raw in (header, b"From: " + header):
        for key in headers_people(raw):
            assert normalise(key) == key


def test_the_message_and_its_header_agree_on_who_is_in_it() -> None:
    message = EmailMessage()
    message["From"] = "Änn <ann@example.com>"
    message["To"] = "Bob <bob@example.com>, carl@example.com"
    message["Subject"] = "hello"
    message.set_content("body")
    raw = message.as_bytes()
    assert headers_people(raw) == tuple(normalise(one.address) for _, one in parse(raw).people())
