"""Contacts out of vCard files as real programs write them (P24)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.contacts import vcard_file
from inboxd.model.contacts import NewContact


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def one(text: str | bytes) -> NewContact:
    data = text if isinstance(text, bytes) else text.encode()
    found = vcard_file.read(data)
    assert found.problems == ()
    (contact,) = found.contacts
    return contact


@pytest.mark.parametrize(
    ("lines", "name", "addresses"),
    [
        (("FN:Anna B", "EMAIL:anna@x.example"), "Anna B", ("anna@x.example",)),
        (("N:Berg;Anna;;Dr.;", "EMAIL:a@x.example"), "Anna Berg", ("a@x.example",)),
        (("ORG:Firm\\, Inc.;Sales", "EMAIL:a@x.example"), "Firm, Inc.", ("a@x.example",)),
        (("FN:A", 'item1.EMAIL;TYPE="work,pref":a@x.example'), "A", ("a@x.example",)),
        (("FN:A", "EMAIL:a@x.example", "EMAIL:A@X.example"), "A", ("a@x.example",)),
        (("FN:A", "EMAIL;VALUE=uri:mailto:a@x.example"), "A", ("a@x.example",)),
        (("FN:Lo", " ng Name", "EMAIL:a@x.ex", "\tample"), "Long Name", ("a@x.example",)),
    ],
)
def test_a_card_is_read(lines: tuple[str, ...], name: str, addresses: tuple[str, ...]) -> None:
    assert one(card(*lines)) == NewContact(name, addresses)


def test_version_2_1_is_read_with_its_encodings() -> None:
    text = card(
        "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:J=F6rg =",
        "M=FCller",
        "EMAIL;INTERNET:j@x.example",
        version="2.1",
    )
    assert one(text).name == "J\u00f6rg M\u00fcller"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_of_a_file_is_found(encoding: str) -> None:
    assert one(card("FN:Zo\u00eb", "EMAIL:z@x.example").encode(encoding)).name == "Zo\u00eb"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the file is empty."),
        ("hello", "line 1: the file holds no vCard"),
        ("END:VCARD\n", "line 1: ends a card that never began."),
        ("BEGIN:VCARD\nFN:A\n", "line 1: begins a card that never ends."),
        ("\nBEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD\n", "line 2: begins a card that never ends."),
        (card("FN:A", "no colon here"), "line 4: is no property"),
        (card("FN:A", "EMAIL:nobody"), "line 4: holds an address that cannot be read."),
        (card("FN:" + "x" * 20_000), "line 3: is far too long"),
    ],
)
def test_a_broken_line_is_named_by_its_number(text: str, problem: str) -> None:
    (found,) = vcard_file.read(text.encode()).problems
    assert found.startswith(problem)


def test_good_cards_beside_a_broken_one_are_kept_and_those_without_address_are_no_problem() -> (
    None
):
    text = card("FN:A", "EMAIL:a@x.example") + card("FN:B", "EMAIL:?") + card("FN:Group")
    found = vcard_file.read(text.encode())
    assert [contact.name for contact in found.contacts] == ["A"]
    assert len(found.problems) == 1


def test_ten_megabytes_in_one_field_take_no_time() -> None:
    photo = "PHOTO;ENCODING=b:" + "\r\n ".join(["A" * 74] * 140_000)
    began = time.process_time()
    assert one(card(photo, "EMAIL:a@x.example")).addresses == ("a@x.example",)
    assert time.process_time() - began < 3


@given(st.binary(max_size=400))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    vcard_file.read(b"BEGIN:VCARD\n" + data)
    vcard_file.read(data)


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40),
    st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}\.example", fullmatch=True),
    st.integers(20, 75),
)
def test_what_a_program_writes_is_read_back(name: str, address: str, width: int) -> None:
    folded = "\r\n ".join(
        line
        for text in [f"FN:{name}"]
        for line in [text[at : at + width] for at in range(0, len(text), width)]
    )
    assert one(card(folded, f"EMAIL:{address}")) == NewContact(name, (address,))
