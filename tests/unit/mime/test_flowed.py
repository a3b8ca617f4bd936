"""`format=flowed` (RFC 3676): soft line ends are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxd.mime import flowed
from inboxd.mime.parse import parse


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("one \ntwo \nthree", "one two three"),
        # RFC 3676 4.3: the signature's line does not flow, neither into what is before it.
        ("bye \n-- \nAnn", "bye \n-- \nAnn"),
        # RFC 3676 4.4: stuffed blanks are taken out.
        (" From here\n >mark\n  two", "From here\n>mark\n two"),
        # RFC 3676 4.5: each depth of quotation is its own paragraph.
        ("> one \n> two\n>> three \nfour", "> one two\n>> three \nfour"),
        (">\n> a", ">\n> a"),
        ("open \n", "open "),
        ("", ""),
    ],
)
def test_lines_that_flow_are_one(sent: str, read: str) -> None:
    assert flowed.joined(sent, delete_space=False) == read


def test_with_delsp_the_blank_at_a_soft_line_end_is_no_blank_of_the_text() -> None:
    """RFC 3676 4.1: as for languages that have none between words."""
    assert flowed.joined("ab \ncd\nef \n", delete_space=True) == "abcd\nef"


@given(st.lists(st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,5} ?", fullmatch=True), max_size=20))
def test_no_word_is_lost_or_joined_to_another(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert flowed.joined(text, delete_space=False).split() == text.split()


@given(st.text(alphabet="> -a\n", max_size=200), st.booleans())
def test_whatever_the_text_all_its_letters_stay(text: str, delete_space: bool) -> None:
    found = flowed.joined(text, delete_space=delete_space)
    assert found.count("a") == text.count("a")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ("", "one \ntwo"),
        ("; format=flowed", "one two"),
        ('; Format="Flowed"; DelSp=Yes', "onetwo"),
        ("; format=fixed", "one \ntwo"),
    ],
)
def test_a_message_says_whether_its_lines_flow(parameters: str, text: str) -> None:
    raw = f"Content-Type: text/plain{parameters}\n\none \ntwo".encode()
    assert parse(raw).text == text
